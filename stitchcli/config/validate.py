"""Holds a file's tables to those of ``tables.py``, and tells everything that is wrong at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

from stitchcli.config.found import Source
from stitchcli.config.tables import Bounds, Budget, Metric, Root
from stitchcli.errors import SettingsError
from stitchcli.records import METRICS
from stitchcli.toml_lines import Key
from stitchcli.words.near import did_you_mean

Path = tuple[Key, ...]
_WORDS = {
    "int": "an integer", "str": "a string", "bool": "true or false", "array": "a list",
    "object": "a table", "float": "a number with a fraction", "null": "nothing",
}  # fmt: skip


@dataclass
class Mistakes:
    """What is wrong with a source, in the order of its lines."""

    source: Source
    found: list[tuple[Path, str, str]] = field(default_factory=list)

    def add(self, path: Path, message: str, help: str) -> None:
        """One more, at the key ``path``."""
        self.found.append((path, message, help))

    def check(self) -> None:
        """Raise StitchError that tells all of them, if there are any."""
        source, file = self.source, self.source.shown
        found = sorted(
            (source.line(path) or 1, f"{source.key(path)}: {message}", help)
            for path, message, help in self.found
        )
        if not found:
            return
        places = tuple((file, line, f"{text} ({help})") for line, text, help in found)
        if len(found) == 1:
            ((line, text, help),) = found
            raise SettingsError(f"{file}:{line}: {text}", help, "", places)
        details = "\n".join(f"  {file}:{line}: {text}" for _, line, text in places)
        raise SettingsError(f"{file} has {len(found)} mistakes", "mend them", details, places)

    def touch(self, path: Path) -> bool:
        """Whether something at or below a key is wrong."""
        return any(each[: len(path)] == path for each, _, _ in self.found)


def validated(source: Source, mistakes: Mistakes) -> tuple[Root, tuple[int, ...]]:
    """The source's table without what is wrong in it, which ``mistakes`` tell; and which of its
    models these are.

    Each value is converted by itself: msgspec stops at the first fault of a table.
    """
    for path, message, help in _faults(source.table, Root, ()):
        prefix = "".join(f"{name}." for name in source.prefix)
        mistakes.add(path, message, help.replace("[[model]]", f"[[{prefix}model]]"))
    table = {key: value for key, value in source.table.items() if not mistakes.touch((key,))}
    models = source.table.get("model")
    models = models if isinstance(models, list) else []
    sound = tuple(at for at in range(len(models)) if not mistakes.touch(("model", at)))
    table["model"] = [models[at] for at in sound if isinstance(models[at], dict)]
    return msgspec.convert(table, Root), sound


def _faults(value: Any, kind: Any, path: Path) -> Iterator[tuple[Path, str, str]]:
    struct, item = _struct_in(kind), _item_in(kind)
    if struct is not None and isinstance(value, dict):
        yield from _faults_of_table(value, struct, path)
    elif item is not None and isinstance(value, list):
        for index, each in enumerate(value):
            yield from _faults(each, item, (*path, index))
    else:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            inner = _inner(str(error))
            help = _wanted(error) if inner else _help(value, kind, path)
            yield (*path, *inner), _said(error), help or "write another value"


def _faults_of_table(
    table: Mapping[str, Any], struct: type[msgspec.Struct], path: Path
) -> Iterator[tuple[Path, str, str]]:
    known = {each.encode_name: each for each in fields(struct)}
    for key, value in table.items():
        if key in known:
            yield from _faults(value, known[key].type, (*path, key))
        elif struct is Budget and "@" in key:
            yield from _faults_of_subtree(key, value, path)
        else:
            help = did_you_mean(key, known) or f"settings are {', '.join(known)}"
            if not path and key == "tool":
                help = "in a stitch.toml settings stand without tool.stitch, as in [[model]]"
            yield (*path, key), f"there is no setting {key!r}", help
    for name, each in known.items():
        if each.required and name not in table:
            yield path, f"{name} is missing", f"write {name} = {_example(each)}"


def _faults_of_subtree(key: str, value: Any, path: Path) -> Iterator[tuple[Path, str, str]]:
    metric = key.partition("@")[0]
    if metric not in METRICS:
        near = did_you_mean(metric, METRICS) or f"metrics are {', '.join(METRICS)}"
        yield (*path, key), f"there is no metric {metric!r}", near
    yield from _faults(value, Metric, (*path, key))


def _members(kind: Any) -> Sequence[Any]:
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [each for member in get_args(kind) for each in _members(member)]
    return [kind]


def _struct_in(kind: Any) -> type[msgspec.Struct] | None:
    structs = (m for m in _members(kind) if isinstance(m, type) and issubclass(m, msgspec.Struct))
    return next(structs, None)


def _item_in(kind: Any) -> Any:
    """What a list holds, where that is a table."""
    lists = (get_args(m)[0] for m in _members(kind) if get_origin(m) is list)
    return next((item for item in lists if _struct_in(item)), None)


def _inner(text: str) -> Path:
    """The path within a value that msgspec speaks of."""
    where = text.rpartition(" - at `$")[2] if " - at `$" in text else ""
    return tuple(
        int(index) if index else name for name, index in re.findall(r"\.([\w-]+)|\[(\d+)\]", where)
    )


def _said(error: Exception) -> str:
    """What msgspec says, in words of TOML."""
    match = _mismatch(error)
    if "matching regex" in str(error) or "length >= 1" in str(error):
        return "this is empty, or holds what no line may hold"
    if match is None:
        text = str(error).partition(" - at `$")[0]
        return text[:1].lower() + text[1:]
    return f"this is {_WORDS.get(match[2], match[2])}, and not {_kinds(match[1])}"


def _wanted(error: Exception) -> str:
    match = _mismatch(error)
    return f"write {_kinds(match[1])}" if match else ""


def _mismatch(error: Exception) -> re.Match[str] | None:
    return re.match(r"Expected `([^`]+)`, got `(\w+)`", str(error))


def _kinds(words: str) -> str:
    return " or ".join(_WORDS.get(word, word) for word in words.split(" | ") if word != "null")


def _help(value: Any, kind: Any, path: Path) -> str:
    """What to write for a value as a whole."""
    members = _members(kind)
    words = [w for m in members if get_origin(m) is Literal for w in get_args(m)]
    if words:
        near = did_you_mean(value, words) if isinstance(value, str) else ""
        shown = [*(["true", "false"] if bool in members else []), *map(repr, words)]
        return near or f"write {' or '.join(shown)}"
    if Bounds in members or int in members:
        return "write an integer, or an amount such as '1.7M'"
    if _item_in(kind) is not None:
        return f"write [[{path[-1]}]], once for each"
    origins = [get_origin(member) for member in members]
    if _struct_in(kind) is not None or dict in origins:
        return 'write a table, as in { name = "value" }'
    if list in origins:
        return 'write a list, as in ["first", "second"]'
    return "write a string" if str in members else ""


def _example(each: FieldInfo) -> str:
    return {"target": '"model.py:Net"', "name": '"net"'}.get(each.encode_name, '"…"')
