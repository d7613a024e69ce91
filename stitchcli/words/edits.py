"""Edits as flags: ``--replace conv=dwconv`` ⇄ Replace(...)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

from stitchcli.errors import EditError
from stitchcli.records import BlockSpec, Edit, Insert, Keep, Remove, Replace, Selector, Set
from stitchcli.words.scan import cut_first, cut_last, split
from stitchcli.words.selectors import parse_selector, print_selector
from stitchcli.words.values import parse_arguments, parse_value, print_value

_ATTRIBUTE = re.compile(r"[A-Za-z_]\w*")


def parse_replace(text: str) -> Replace:
    """``conv=dwconv`` as a Replace."""
    where, block = _parse_placement(text, "--replace")
    return Replace(where, block)


def parse_after(text: str) -> Insert:
    """``down*=msca`` as an Insert behind what is selected."""
    return Insert("after", *_parse_placement(text, "--after"))


def parse_before(text: str) -> Insert:
    """``outc=cbam`` as an Insert ahead of what is selected."""
    return Insert("before", *_parse_placement(text, "--before"))


def parse_set(text: str) -> Set:
    """``up1.conv.0.in_channels=256`` as a Set."""
    sides = cut_first(text, "=")
    target = cut_last(sides[0], ".") if sides else None
    if not sides or not target or not _ATTRIBUTE.fullmatch(target[1]) or not sides[1].strip():
        raise EditError(
            f"--set {text!r} is not SELECTOR.attribute=value",
            "write for instance --set layer1.0.conv1.stride=2",
        )
    return Set(parse_selector(target[0]), target[1], parse_value(sides[1]))


def parse_remove(text: str) -> Remove:
    """``up_conv4`` as a Remove."""
    return Remove(_parse_bare(text, "--remove"))


def parse_except(text: str) -> Keep:
    """``outc`` as a Keep."""
    return Keep(_parse_bare(text, "--except"))


PARSERS: dict[str, Callable[[str], Edit]] = {
    "--replace": parse_replace,
    "--after": parse_after,
    "--before": parse_before,
    "--set": parse_set,
    "--remove": parse_remove,
    "--except": parse_except,
}


def parse_edit(text: str) -> Edit:
    """A whole flag, ``--replace conv=dwconv``, as an Edit. Raises EditError."""
    flag, _, value = text.strip().partition(" ")
    if "=" in flag and flag.startswith("--"):
        flag, _, value = text.strip().partition("=")
    if flag not in PARSERS:
        raise EditError(f"{text!r} is not an edit", f"start with one of {', '.join(PARSERS)}")
    return PARSERS[flag](_unquote(value.strip()))


def print_edit(edit: Edit) -> str:
    """The flag of an edit: the inverse of parse_edit."""
    where = print_selector(edit.where)
    match edit:
        case Replace():
            return f"--replace {where}={print_block(edit.block)}"
        case Insert():
            return f"--{edit.side} {where}={print_block(edit.block)}"
        case Set():
            return f"--set {where}.{edit.attribute}={print_value(edit.value)}"
        case Remove():
            return f"--remove {where}"
        case Keep():
            return f"--except {where}"


def shell_edit(edit: Edit) -> str:
    """The flag as it can be pasted into bash or zsh, quoted where they would expand it."""
    flag, _, value = print_edit(edit).partition(" ")
    is_safe = re.fullmatch(r"[\w./:=,+%^~-]+", value)
    return f"{flag} {value}" if is_safe else f"{flag} {_quote(value)}"


def parse_block(text: str) -> BlockSpec:
    """``se:reduction=8``, ``file.py:Class:k=3`` or ``SiLU`` as a BlockSpec. Raises EditError."""
    text = text.strip()
    parts = split(text, ":")
    arguments: tuple[tuple[str, Any], ...] = ()
    if len(parts) > 1 and "=" in parts[-1]:
        pairs = split(parts.pop(), ",")
        arguments = parse_arguments(pairs, f"{':'.join(parts)}:")
    name = ":".join(part.strip() for part in parts)
    if not name or "=" in name:
        raise EditError(f"{text!r} is not a block", "write name or name:argument=value,...")
    return BlockSpec(name, arguments)


def print_block(block: BlockSpec) -> str:
    """The inverse of parse_block."""
    pairs = ",".join(f"{name}={print_value(value)}" for name, value in block.arguments)
    return f"{block.name}:{pairs}" if pairs else block.name


def _parse_placement(text: str, flag: str) -> tuple[Selector, BlockSpec]:
    sides = cut_first(text, "=")
    if sides is None or not sides[0].strip() or not sides[1].strip():
        raise EditError(
            f"{flag} {text!r} is not SELECTOR=BLOCK", f"write for instance {flag} conv=dwconv"
        )
    return parse_selector(sides[0]), parse_block(sides[1])


def _parse_bare(text: str, flag: str) -> Selector:
    if cut_first(text, "="):
        raise EditError(
            f"{flag} {text!r} takes a selector alone", f"write for instance {flag} outc"
        )
    return parse_selector(text)


def _quote(value: str) -> str:
    """Always in quotes: shlex leaves bare what zsh would expand, such as ``@``."""
    quoted = shlex.quote(value)
    return quoted if quoted != value else f"'{value}'"


def _unquote(value: str) -> str:
    """A value as the shell would have handed it on, where it begins and ends with a quote."""
    if len(value) < 2 or value[0] not in "'\"" or value[-1] not in "'\"":
        return value
    try:
        words = shlex.split(value)
    except ValueError:
        return value
    return words[0] if len(words) == 1 else value
