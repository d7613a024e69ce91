"""Who writes where: our report to stdout, whatever a user's model prints to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TextIO


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Send everything printed inside to stderr, also by C code and child processes."""
    with redirect_stdout(sys.stderr), _descriptor_to_stderr():
        yield


@contextmanager
def _descriptor_to_stderr() -> Iterator[None]:
    try:
        saved = os.dup(1)
    except OSError:
        yield
        return
    try:
        with suppress(OSError):
            os.dup2(2, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)


_PLAIN = str.maketrans(
    {"×": "x", "→": "->", "−": "-", "≈": "~", "·": "|", "–": "-", "…": "...", "│": "|", "─": "-"}
)


def ascii_only(text: str) -> str:
    """The same text for a stream that has only ASCII."""
    return text.translate(_PLAIN).encode("ascii", "replace").decode("ascii")


def escape_json(text: str) -> str:
    """The same JSON document in ASCII."""
    return "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in text)


def can_encode(text: str, stream: TextIO | None = None) -> bool:
    """Whether the encoding of a stream (stdout) has every character of ``text``."""
    try:
        text.encode((stream or sys.stdout).encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
