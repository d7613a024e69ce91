"""The blocks that have a name: the bundled ones, and those in the user's folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path

from stitchcli.entries import BlockEntry, read_entries, word_of
from stitchcli.errors import EditError, StitchError
from stitchcli.words.near import did_you_mean


@cache
def bundled() -> dict[str, BlockEntry]:
    """Every bundled block by its name, which is its file's name."""
    files = sorted(bundled_folder().glob("[a-z]*.py"))
    return {file.stem: read_entries(file, bundled=True)[0] for file in files}


def bundled_folder() -> Path:
    """Where the bundled blocks lie."""
    spec = find_spec("stitchcli.blocks")
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(__file__).parents[1] / "blocks"


@dataclass(frozen=True)
class Library:
    """The bundled blocks and those in folders, whose own come first. Raises StitchError where a
    folder is not there."""

    folders: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for each in self.folders:
            _check(each)

    @cached_property
    def own(self) -> tuple[tuple[BlockEntry, ...], ...]:
        """What each folder holds, the same folder once."""
        unique: dict[Path, Path] = {}
        for each in self.folders:
            unique.setdefault(Path(each).resolve(), Path(each))
        return tuple(tuple(_entries_in(folder)) for folder in unique.values())

    def find(self, name: str) -> BlockEntry | None:
        """The block of a name, None where there is none. Raises EditError where there are two."""
        word = word_of(name)
        found = [each for entries in self.own for each in _named(word, entries)]
        if len(found) > 1:
            places = [str(each.file) for each in found]
            raise EditError(
                f"block {name!r} is in {' and in '.join(places)}",
                f"name one of them, as in {found[0].place}, or leave a folder out",
            )
        return found[0] if found else bundled().get(word)

    def get(self, name: str) -> BlockEntry:
        """The block of a name. Raises StitchError with the nearest names."""
        entry = self.find(name)
        if entry is None:
            help = did_you_mean(name, self.names()) or "stitch blocks list shows them all"
            raise StitchError(f"there is no block {name!r}", help)
        if entry.fault:
            raise StitchError(f"{entry.file} cannot be read: {entry.fault}", "mend the file")
        return entry

    def names(self) -> list[str]:
        """Every name that is known, the user's own first."""
        own = [each.name for entries in self.own for each in entries]
        return list(dict.fromkeys((*own, *bundled())))

    def listed(self) -> list[BlockEntry]:
        """Every block once: the user's own, then the bundled ones."""
        own = [each for entries in self.own for each in entries if not each.fault]
        return [*own, *bundled().values()]

    def notes(self) -> list[str]:
        """What a reader of the list should know: files that could not be read, names taken."""
        own = [each for entries in self.own for each in entries]
        notes = [f"{each.file} is left out: {each.fault}" for each in own if each.fault]
        taken = {word_of(each.name): each for each in own if word_of(each.name) in bundled()}
        notes += [
            f"{word} is the one in {each.file}; the bundled one is {bundled()[word].place}"
            for word, each in taken.items()
        ]
        return notes


def _check(folder: str) -> None:
    path = Path(folder)
    try:
        if path.is_dir():
            next(path.iterdir(), None)
            return
        exists = path.exists()
    except OSError as error:
        raise StitchError(f"cannot read {folder}: {error.strerror}", "name a folder") from error
    if exists:
        raise StitchError(f"{folder} is a file, not a folder of blocks", "name the folder it is in")
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    names = [str(each) for each in beside if each.is_dir()]
    raise StitchError(
        f"there is no folder of blocks {folder}", did_you_mean(folder, names) or "check the path"
    )


def _entries_in(folder: Path) -> Iterator[BlockEntry]:
    for file in sorted(folder.glob("*.py")):
        if file.name[0] not in "._" and file.is_file():
            yield from read_entries(file)


def _named(word: str, entries: Sequence[BlockEntry]) -> Iterable[BlockEntry]:
    """The blocks of a name in one folder: a file of that name goes before classes in others, and
    where its class has that name too, it is one block."""
    named = [each for each in entries if word in (word_of(each.name), word_of(each.class_name))]
    files = [each for each in named if word_of(each.file.stem) == word]
    return files[:1] if len({each.file for each in files}) == 1 else files or named
