"""What holds for every command: folders of blocks, codes of findings, modules that moved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stitchcli.config.found import Source, find_source
from stitchcli.errors import StitchError
from stitchcli.words.near import did_you_mean

if TYPE_CHECKING:
    from stitchcli.config.tables import Root
    from stitchcli.config.validate import Mistakes


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
    that names the file, the line and the key of everything that is wrong."""
    source = find_source(here)
    if source is None:
        return Settings()
    from stitchcli.config.validate import Mistakes, validated

    mistakes = Mistakes(source)
    root, _ = validated(source, mistakes)
    settings = settings_of(root, source, mistakes, here)
    mistakes.check()
    return settings


def settings_of(
    root: Root, source: Source, mistakes: Mistakes, here: Path | None = None
) -> Settings:
    """The settings of a table; what is wrong with them goes to ``mistakes``."""
    start = (here or Path.cwd()).absolute()
    for index, given in enumerate(root.blocks):
        if not (source.file.parent / given).is_dir():
            beside = [each.name for each in source.file.parent.iterdir() if each.is_dir()]
            mistakes.add(
                ("blocks", index),
                f"there is no folder {given!r}",
                did_you_mean(given, beside) or "make it, or take it out",
            )
    folders = [source.file.parent / each for each in root.blocks]
    moved = root.moved if isinstance(root.moved, list) else [root.moved]
    return Settings(
        blocks=tuple(str(f.relative_to(start) if start in f.parents else f) for f in folders),
        select=_codes(root.select, "select", mistakes),
        ignore=_codes(root.ignore, "ignore", mistakes),
        moved=tuple((each.before, each.after) for each in moved),
    )


def _codes(words: list[str], key: str, mistakes: Mistakes) -> tuple[str, ...]:
    from stitchcli.filters import parse_codes

    try:
        return parse_codes(words, "")
    except StitchError as error:
        mistakes.add((key,), error.message.removeprefix(": "), error.help)
        return ()
