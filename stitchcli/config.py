"""Settings of a project: ``[tool.stitch]`` in the nearest pyproject.toml."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stitchcli.errors import StitchError
from stitchcli.filters import parse_codes
from stitchcli.words.near import did_you_mean

_FILE = "pyproject.toml"


@dataclass(frozen=True)
class Settings:
    """What a project says once and for all; ``blocks`` are folders, as seen from here; ``select``
    and ``ignore`` are codes of findings, or beginnings of codes; ``moved`` are paths of modules,
    before and after."""

    blocks: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    moved: tuple[tuple[str, str], ...] = ()


def read_settings(here: Path | None = None) -> Settings:
    """The settings that hold in a directory, by default the working directory. Raises StitchError
    that names the file and the key."""
    start = (here or Path.cwd()).absolute()
    for folder in (start, *start.parents):
        file = folder / _FILE
        with suppress(PermissionError):
            if file.is_file():
                return _settings(_table(file), file, start)
    return Settings()


def _table(file: Path) -> dict[str, Any]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise StitchError(f"cannot read {file}: {error.strerror}", "mend the file") from error
    if b"stitch" not in data:
        return {}
    import tomllib

    try:
        tool = tomllib.loads(data.decode("utf-8")).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StitchError(f"{file}: {error}", "mend the file") from error
    table = tool.get("stitch", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise StitchError(f"{file}: tool.stitch is no table", "write [tool.stitch]")
    return table


def _settings(table: dict[str, Any], file: Path, here: Path) -> Settings:
    known = Settings.__dataclass_fields__
    for key in table:
        if key not in known:
            raise StitchError(
                f"{file}: tool.stitch has no setting {key!r}",
                did_you_mean(key, known) or f"settings are {', '.join(known)}",
            )
    return Settings(
        blocks=_folders(table.get("blocks", []), file, here),
        select=_codes(table, "select", file),
        ignore=_codes(table, "ignore", file),
        moved=_moved(table.get("moved", []), file),
    )


def _codes(table: dict[str, Any], key: str, file: Path) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise StitchError(
            f"{file}: tool.stitch.{key} is no list of codes", f'write {key} = ["ST202"]'
        )
    return parse_codes(value, f"{file}: tool.stitch.{key}")


def _moved(value: Any, file: Path) -> tuple[tuple[str, str], ...]:
    tables = value if isinstance(value, list) else [value]
    for each in tables:
        keys = set(each) if isinstance(each, dict) else set()
        if keys != {"from", "to"} or not all(isinstance(path, str) for path in each.values()):
            raise StitchError(
                f"{file}: tool.stitch.moved has something else than from and to",
                'write [[tool.stitch.moved]], from = "layer1", to = "stage1"',
            )
    return tuple((each["from"], each["to"]) for each in tables)


def _folders(value: Any, file: Path, here: Path) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise StitchError(
            f"{file}: tool.stitch.blocks is no list of folders", 'write blocks = ["my_blocks"]'
        )
    folders = [file.parent / each for each in value]
    for given, folder in zip(value, folders, strict=True):
        if not folder.is_dir():
            beside = [each.name for each in file.parent.iterdir() if each.is_dir()]
            raise StitchError(
                f"{file}: tool.stitch.blocks: there is no folder {given!r}",
                did_you_mean(given, beside) or "make it, or take it out",
            )
    return tuple(str(each.relative_to(here) if here in each.parents else each) for each in folders)
