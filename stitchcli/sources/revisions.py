"""Files of a git repository as they were at a revision, in a folder of their own."""

from __future__ import annotations

import linecache
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from stitchcli.errors import StitchError, TargetError
from stitchcli.records import Diagnostic, Label
from stitchcli.sources.git import checkout, commit_of, merge_base, short_name, top_of, tree_of
from stitchcli.words.near import did_you_mean

_REVISION = re.compile(r"(?P<revision>[^:]*[^:/\\]):(?P<path>[^:]+\.py)(?::(?P<name>[\w.]+))?")
_IMPORT_PATH = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<name>[A-Za-z_][\w.]*)")


@dataclass(frozen=True)
class Revision:
    """A file at a commit: ``file`` is where it was checked out, ``here`` where the working
    directory of today would be there, ``folders`` what its imports find besides. ``root`` is the
    folder of the checkout, and ``label`` what stands for it where a path is shown."""

    file: Path
    name: str
    here: Path
    folders: tuple[Path, ...]
    root: Path
    label: str


def at_revision(text: str) -> Revision | None:
    """``main:models/unet.py:UNet`` checked out; None for what names no revision. Raises
    TargetError for a revision or a file that is not there."""
    match = _REVISION.fullmatch(text)
    if match is None or match["revision"].endswith(".py"):
        return None
    if Path(f"{match['revision']}:{match['path']}").exists():  # a file that is really called so
        return None
    top = top_of(Path.cwd(), text)
    commit = commit_of(top, match["revision"])
    tree = tree_of(top, commit)
    path = _in_tree(match["path"], top, tree)
    if path is None:
        raise TargetError(
            f"{match['revision']} has no file {match['path']}", _nearest(match["path"], tree)
        )
    root = checkout(top, commit)
    # a project is often installed in place: its other folders are on the path as well
    on_path = [top, *(Path(each).resolve() for each in sys.path if each)]
    inside = [each for each in on_path if each.is_relative_to(top) and not _is_installed(each)]
    there = dict.fromkeys(_moved(each, top, root) for each in inside)
    return Revision(
        file=root / path,
        name=match["name"] or "",
        here=_moved(Path.cwd().resolve(), top, root),
        folders=tuple(each for each in there if each.is_dir()),
        root=root,
        label=f"{match['revision']}:",
    )


def at_merge_base(text: str, other: str) -> str:
    """The same target as it was where the current branch left ``other``, as
    ``REVISION:path.py:Name``. Raises TargetError for what has no history."""
    path, name = _file_of(text)
    folder = Path(path).resolve().parent if path else Path.cwd()
    top = top_of(folder if folder.is_dir() else Path.cwd(), text)
    base = merge_base(top, other)
    if path is None:
        tree, module = tree_of(top, base), text.partition(":")[0]
        options = _module_files(module, Path.cwd().resolve(), top)
        path = next((each for each in options if each in tree), None)
        if path is None:
            raise TargetError(f"{text} is no file of this repository", "name it by its file")
    else:
        resolved = Path(path).resolve()
        if not resolved.is_relative_to(top):
            raise TargetError(f"{text} lies in no git repository", "name a file of a repository")
        path = resolved.relative_to(top).as_posix()
    return f"{short_name(top, base)}:{path}" + (f":{name}" if name else "")


def at_commit(text: str, folder: Path, top: Path, commit: str) -> str | None:
    """A target or block of ``folder`` as it was at a commit, ``COMMIT:path.py:Name``; as it is
    where it is no file of the repository, and None where the commit has no such file."""
    tree = tree_of(top, commit)
    if match := re.fullmatch(r"(.+?\.py)(?::([\w.]+))?", text):
        file, name = (folder / match[1]).resolve(), match[2] or ""
        if not file.is_relative_to(top):
            return text
        path = file.relative_to(top).as_posix()
    elif match := _IMPORT_PATH.fullmatch(text):
        name, options = match["name"], list(_module_files(match["module"], folder, top))
        path = next((each for each in options if each in tree), "")
        if not path and not any((top / each).is_file() for each in options):
            return text  # it is installed
    else:
        return text
    return f"{commit}:{path}" + (f":{name}" if name else "") if path in tree else None


def _file_of(text: str) -> tuple[str | None, str]:
    """A target's file and the name in it; no file for an import path."""
    match = re.fullmatch(r"(.+?\.py)(?::([\w.]+))?", text)
    if match:
        return match[1], match[2] or ""
    found = _IMPORT_PATH.fullmatch(text)
    if found is None:
        raise TargetError(
            f"{text} has no history", "give a file, as in --merge-base main models/unet.py"
        )
    return None, found["name"]


def _module_files(module: str, folder: Path, top: Path) -> Iterator[str]:
    """Where ``package.module`` may be in a repository: below the folder, its root, or their src."""
    below = folder.relative_to(top).as_posix() if folder.is_relative_to(top) else "."
    for start in dict.fromkeys((below, f"{below}/src", ".", "src")):
        for end in (".py", "/__init__.py"):
            yield PurePosixPath(f"{start}/{module.replace('.', '/')}{end}").as_posix()


def _in_tree(path: str, top: Path, tree: Mapping[str, int]) -> str | None:
    """A path as git means it, from the top; else from here."""
    here = Path(os.path.normpath(Path.cwd().resolve() / path))
    options = [PurePosixPath(os.path.normpath(path)).as_posix()]
    if here.is_relative_to(top):
        options.append(here.relative_to(top).as_posix())
    if path.startswith(("./", "../")):
        options.reverse()
    return next((each for each in options if each in tree), None)


def _nearest(path: str, tree: Mapping[str, int]) -> str:
    files = [each for each in tree if each.endswith(".py")]
    same = [each for each in files if PurePosixPath(each).name == PurePosixPath(path).name]
    if same:
        return f"did you mean {' or '.join(map(repr, same[:3]))}?"
    return did_you_mean(path, files) or f"it has {', '.join(files[:8]) or 'no Python file'}"


def _moved(path: Path, top: Path, root: Path) -> Path:
    """Where a folder of the repository is in the checkout."""
    return root / path.relative_to(top) if path.is_relative_to(top) else root


def _is_installed(path: Path) -> bool:
    """Whether a folder of the path is a virtual environment's, inside of the repository."""
    return path.name in ("site-packages", "dist-packages") or path.is_relative_to(
        Path(sys.prefix).resolve()
    )


@contextmanager
def naming(revision: Revision | None) -> Iterator[None]:
    """What goes wrong inside names files as the user did, not where they were checked out."""
    try:
        yield
    except StitchError as error:
        if revision is not None:
            error.message, error.help, error.details = (
                text.replace(f"{revision.root}{os.sep}", revision.label)
                for text in (error.message, error.help, error.details)
            )
        raise


def named(diagnostics: tuple[Diagnostic, ...], revision: Revision) -> tuple[Diagnostic, ...]:
    """Findings whose spans name files as the user did."""

    def label(found: Label) -> Label:
        path = Path(found.site.file)
        if not path.is_relative_to(revision.root):
            return found
        name = revision.label + path.relative_to(revision.root).as_posix()
        lines = linecache.getlines(str(path))
        # an entry without a modification time is not looked up on disk again
        linecache.cache[name] = (len("".join(lines)), None, lines, name)
        return replace(found, site=replace(found.site, file=name))

    return tuple(
        replace(
            each,
            primary=label(each.primary) if each.primary else None,
            secondary=tuple(label(found) for found in each.secondary),
        )
        for each in diagnostics
    )
