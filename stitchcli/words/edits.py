"""Edits as flags: ``--replace conv=dwconv`` ⇄ Replace(...)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from stitchcli.errors import EditError
from stitchcli.records import Block, Edit, Insert, Keep, Remove, Replace, Selector, Set, Wrap
from stitchcli.words.blocks import holds_itself, parse_block, print_block
from stitchcli.words.scan import Span
from stitchcli.words.selectors import parse_selector, print_selector
from stitchcli.words.values import parse_value, print_value

_ATTRIBUTE = re.compile(r"[A-Za-z_]\w*")


def parse_replace(text: str) -> Replace | Wrap:
    """``conv=dwconv`` as a Replace; as a Wrap where the block holds ``self``."""
    where, block = _parse_placement(text, "--replace")
    return Wrap(where, block) if holds_itself(block) else Replace(where, block)


def parse_wrap(text: str) -> Wrap:
    """``down3=residual(self)`` as a Wrap."""
    where, block = _parse_placement(text, "--wrap")
    if not holds_itself(block):
        span = Span.of(text, "--wrap ")
        raise span.error(
            "what is wrapped is missing: the block has no self",
            f"write --wrap '{print_selector(where)}=series(self, {_inside(block)})', or --replace",
            text.index("=") + 1,
        )
    return Wrap(where, block)


def parse_after(text: str) -> Insert:
    """``down*=msca`` as an Insert behind what is selected."""
    return Insert("after", *_parse_insertion(text, "--after"))


def parse_before(text: str) -> Insert:
    """``outc=cbam`` as an Insert ahead of what is selected."""
    return Insert("before", *_parse_insertion(text, "--before"))


def parse_set(text: str) -> Set:
    """``up1.conv.0.in_channels=256`` as a Set."""
    span = Span.of(text, "--set ")
    sides = span.cut_first("=")
    target = sides[0].cut_last(".") if sides else None
    if not sides or not target or not sides[1].strip() or not target[0].strip():
        wrong = sides[1] if sides and not sides[1].strip() else span
        raise wrong.error(
            "this is not SELECTOR.attribute=value",
            "write for instance --set layer1.0.conv1.stride=2",
        )
    if not _ATTRIBUTE.fullmatch(str(target[1])):
        raise target[1].error(
            f"{str(target[1])!r} is no attribute", "write for instance layer1.0.conv1.stride=2"
        )
    return Set(parse_selector(target[0]), str(target[1]), parse_value(str(sides[1])))


def parse_remove(text: str) -> Remove:
    """``up_conv4`` as a Remove."""
    return Remove(_parse_bare(text, "--remove"))


def parse_except(text: str) -> Keep:
    """``outc`` as a Keep."""
    return Keep(_parse_bare(text, "--except"))


PARSERS: dict[str, Callable[[str], Edit]] = {
    "--replace": parse_replace,
    "--wrap": parse_wrap,
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
        case Wrap():
            return f"--wrap {where}={print_block(edit.block)}"
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


def _parse_placement(text: str, flag: str) -> tuple[Selector, Block]:
    span = Span.of(text, f"{flag} ")
    sides = span.cut_first("=")
    if sides is None or not sides[0].strip() or not sides[1].strip():
        wrong = span if sides is None else next(side for side in sides if not side.strip())
        raise wrong.error("this is not SELECTOR=BLOCK", f"write for instance {flag} conv=dwconv")
    return parse_selector(sides[0]), parse_block(sides[1])


def _parse_insertion(text: str, flag: str) -> tuple[Selector, Block]:
    where, block = _parse_placement(text, flag)
    if holds_itself(block):
        span = Span.of(text, f"{flag} ")
        raise span.error(
            f"self has no meaning in {flag}: the block stands beside what is selected",
            "write --wrap, which puts it around",
            str(span).index("self", str(span).index("=")),
        )
    return where, block


def _parse_bare(text: str, flag: str) -> Selector:
    span = Span.of(text, f"{flag} ")
    if sides := span.cut_first("="):
        raise span.error(
            f"{flag} takes a selector alone",
            f"write for instance {flag} outc",
            sides[0].end - span.start,
        )
    return parse_selector(span)


def _inside(block: Block) -> str:
    text = print_block(block)
    return text if re.fullmatch(r"\w+", text) else "se"


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
