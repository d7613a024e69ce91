"""Flags and imports that name a block: what a reader of its page can paste."""

from __future__ import annotations

import ast
import os
import re
import shlex
from dataclasses import replace
from keyword import iskeyword
from pathlib import Path

from stitchcli.entries import Argument, BlockEntry

#: Where blocks of a family go, the likeliest place first.
_PLACES = {
    "conv": ("--replace conv[k=3]={}", "--replace conv={}"),
    "attention": ("--after down*={}", "--before outc={}"),
    "fusion": ("--replace cat={}", "--replace fuse={}"),
    "down": ("--replace down={}", "--replace pool={}"),
    "up": ("--replace up={}",),
    "block": ("--replace DoubleConv={}", "--replace down*/DoubleConv={}"),
    "adapter": ("--after inc={}",),
}
#: And those that can give no other width than they take.
_SAME_WIDTH = {
    "conv": ("--replace conv[k=3,in=256,out=256]={}", "--after down*={}"),
    "fusion": ("--replace cat={}+pointwise", "--replace fuse={}+pointwise"),
    "block": ("--after down*={}", "--before outc={}"),
}
_ANYWHERE = ("--after down*={}",)
_NEEDED = {"size": "64x64"}
_WORTH_TRYING = ("reduction", "groups", "repeats", "expansion", "kernel_size", "heads")


def examples(entry: BlockEntry) -> list[str]:
    """Flags with a block of this family; the last with an argument, where one is worth trying."""
    name = entry.name if entry.bundled else entry.place
    found = [_flag(place, entry, name) for place in _places(entry)]
    other = next((text for a in _by_worth(entry) if (text := _other_value(a))), "")
    return [*found, _flag(_places(entry)[0], entry, name, other)] if other else found


def file_flag(entry: BlockEntry, file: Path) -> str:
    """The flag that uses the copy of a block in a file."""
    places = [place.replace("conv[k=3]", "conv") for place in _places(entry)]
    return _flag(places[0], entry, replace(entry, file=file, bundled=False).place)


def _places(entry: BlockEntry) -> tuple[str, ...]:
    same = _SAME_WIDTH.get(entry.family) if re.search(r"-> \(B, C,", entry.shape) else None
    return same or _PLACES.get(entry.family, _ANYWHERE)


def _flag(place: str, entry: BlockEntry, name: str, *more: str) -> str:
    """``--replace 'conv[k=3]=se:reduction=8'``, quoted as a shell needs it."""
    from stitchcli.records import BlockSpec
    from stitchcli.words.blocks import print_block

    needed = [f"{a.name}={_NEEDED[a.name]}" for a in entry.arguments if a.name in _NEEDED]
    given = ",".join([*needed, *more])
    block = print_block(BlockSpec(name))  # a path with a sign of the edit language is a call
    if given:
        block = f"{block[:-1]}{given})" if block.endswith("()") else f"{block}:{given}"
    option, _, edit = place.partition(" ")
    return f"{option} {shlex.quote(edit.format(block))}"


def import_line(entry: BlockEntry, file: Path) -> str:
    """How a script in the working directory imports the copy; empty where it cannot."""
    names = [*Path(os.path.relpath(file.parent)).parts, file.stem]
    while names and names[0] == ".":
        names.pop(0)
    if not entry.class_name or not _is_name(file.stem):
        return ""
    if all(_is_name(name) for name in names):
        return f"from {'.'.join(names)} import {entry.class_name}"
    return f"from {file.stem} import {entry.class_name}  # with {file.parent} on the path"


def _is_name(word: str) -> bool:
    return word.isidentifier() and not iskeyword(word)


def _by_worth(entry: BlockEntry) -> list[Argument]:
    known = {argument.name: argument for argument in entry.arguments}
    return [known[name] for name in _WORTH_TRYING if name in known]


def _other_value(argument: Argument) -> str:
    """``reduction=8`` where the default is 16; empty where no other value is sure to fit."""
    try:
        default = ast.literal_eval(argument.default or "")
    except (ValueError, SyntaxError):
        return ""
    if not isinstance(default, int | float) or isinstance(default, bool):
        return ""
    if argument.name == "kernel_size":
        other: float | None = {1: 3, 3: 5, 7: 11}.get(int(default))
    elif argument.name in ("reduction", "expansion"):
        other = default // 2 if isinstance(default, int) else default / 2
    elif argument.name == "repeats":
        other = default + 1
    else:
        other = 8 if default < 8 else default // 2
    return f"{argument.name}={other}" if other else ""
