"""Guarding code that is not ours: its exceptions become one message with the user's frames."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from linecache import getline
from pathlib import Path

from stitchcli.errors import ModelError, StitchError
from stitchcli.tracing.depth import room_for_depth
from stitchcli.tracing.sites import is_model_code, is_user_code


@contextmanager
def guarded(doing: str, help: str = "") -> Iterator[None]:
    """Turn whatever the user's code raises into a ModelError. ``doing`` reads as in
    'UNet raised ValueError while *being built*'."""
    try:
        with room_for_depth():
            yield
    except (StitchError, KeyboardInterrupt):
        raise
    except SystemExit as error:
        raise ModelError(
            f"the model's code called sys.exit({error.code!r}) while {doing}",
            help or "take it out, or guard it with if __name__ == '__main__':",
            frames_of(error),
        ) from error
    except BaseException as error:
        text = " ".join(_words(error).split())
        said = f"{type(error).__name__}: {text}" if text else type(error).__name__
        frames, cause = frames_of(error), _first_cause(error)
        raise ModelError(
            f"the model raised while {doing}: {said}{cause}",
            help or ("mend the line above" if frames else "see what its package says of it"),
            frames,
        ) from error


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # its __str__ is the user's code too
        return ""


def _first_cause(error: BaseException) -> str:
    """What an error was at first, where a package wraps it in others."""
    first = error
    while first.__cause__ is not None:
        first = first.__cause__
    return f" (because of {type(first).__name__}: {_words(first)})" if first is not error else ""


def frames_of(error: BaseException) -> str:
    """The traceback, cut to the user's frames; to the model's package where there are none."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if is_model_code(f.filename)]
    frames = [f for f in frames if is_user_code(f.filename)] or frames
    lines = []
    for frame in frames[-8:]:
        lines.append(f"  {Path(frame.filename)}:{frame.lineno} in {frame.name}")
        source = getline(frame.filename, frame.lineno or 0).strip()
        if source:
            lines.append(f"    {source}")
    return "\n".join(lines)
