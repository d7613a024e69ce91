"""What is asked of git: where a repository is, what a revision holds, its files.

An index of our own keeps the user's and the work tree as they are.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from stitchcli.errors import TargetError
from stitchcli.words.near import did_you_mean

#: A larger file is no source, and nothing that a network is built from.
_MOST_BYTES = 10_000_000


def top_of(folder: Path, text: str) -> Path:
    """The repository that a folder is in; ``text`` is what needs one. Raises TargetError."""
    done = run_git(folder, "rev-parse", "--show-toplevel")
    if done.returncode:
        raise TargetError(
            f"{text} names a git revision, and {folder} is in no git repository",
            "run stitch inside of the repository",
        )
    return Path(done.stdout.strip()).resolve()


def commit_of(top: Path, revision: str) -> str:
    """The hash of a revision. Raises TargetError."""
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    done = run_git(top, *words)
    if done.returncode:
        names = run_git(top, "for-each-ref", "--format=%(refname:short)").stdout.split()
        shallow = run_git(top, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"
        help = did_you_mean(revision, names) or "git branch -a and git tag name what there is"
        raise TargetError(
            f"there is no revision {revision!r}",
            f"{help}; this clone is shallow: git fetch --unshallow" if shallow else help,
        )
    return done.stdout.strip()


def merge_base(top: Path, other: str) -> str:
    """The commit where the current branch left another revision. Raises TargetError."""
    done = run_git(top, "merge-base", commit_of(top, other), "HEAD")
    if done.returncode:
        raise TargetError(
            f"HEAD and {other} have no common commit",
            "fetch more of the history (git fetch --unshallow), or name another",
        )
    return done.stdout.strip()


def fork_point(top: Path, other: str) -> str:
    """The merge base with another revision; where that is HEAD itself and nothing has changed
    since, as in a build of the main branch, the commit before. Raises TargetError."""
    base = merge_base(top, other)
    if base != commit_of(top, "HEAD") or run_git(top, "diff", "--quiet", "HEAD").returncode:
        return base
    parent = run_git(top, "rev-parse", "--verify", "--quiet", "HEAD^")
    if parent.returncode == 0:
        return parent.stdout.strip()
    if run_git(top, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        raise TargetError(
            "the commit before HEAD is not in this clone, which is shallow",
            "git fetch --unshallow; on GitHub, actions/checkout with fetch-depth: 0",
        )
    return base


def short_name(top: Path, commit: str) -> str:
    """A commit as people write it."""
    return run_git(top, "rev-parse", "--short", commit).stdout.strip() or commit


def changed_lines(top: Path, commit: str) -> dict[str, tuple[range, ...]]:
    """Which lines of the Python files in the work tree are not those of a commit."""
    words = ("diff", "-U0", "--no-color", "--no-ext-diff", "--no-renames", "--src-prefix=a/")
    done = run_git(top, "-c", "core.quotePath=off", *words, "--dst-prefix=b/", commit, "--", "*.py")
    found: dict[str, tuple[range, ...]] = {}
    file = ""
    for line in done.stdout.splitlines():
        if line.startswith("+++ "):
            file = str(top / line.removeprefix("+++ b/").removesuffix("\t"))
        elif match := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line):
            first, count = int(match[1]), int(match[2] or 1)
            found[file] = (*found.get(file, ()), range(first, first + count))
    return found


@cache
def tree_of(top: Path, commit: str) -> Mapping[str, int]:
    """Every file of a commit, and its size; links and submodules have none."""
    done = run_git(top, "ls-tree", "-r", "-l", "-z", "--full-tree", commit)
    found = {}
    for entry in done.stdout.split("\0"):
        facts, _, path = entry.partition("\t")
        if path and facts.split()[1] == "blob":
            found[path] = int(facts.split()[3])
    return found


#: What is checked out, by repository and commit; a folder of ours is gone when the program ends.
_CHECKOUTS: dict[tuple[Path, str], Path] = {}
_FOLDERS: list[TemporaryDirectory[str]] = []


def checkout(top: Path, commit: str) -> Path:
    """A commit's files in a folder. Raises TargetError."""
    if (top, commit) not in _CHECKOUTS:
        folder = TemporaryDirectory(prefix="stitch-")
        _fill(Path(folder.name).resolve(), top, commit)
        _FOLDERS.append(folder)
        adopt_checkout(top, commit, Path(folder.name).resolve())
    return _CHECKOUTS[top, commit]


def adopt_checkout(top: Path, commit: str, root: Path) -> None:
    """Use what another process has checked out, and will take away."""
    _CHECKOUTS[top, commit] = root


def _fill(root: Path, top: Path, commit: str) -> None:
    index = root / ".stitch-index"
    env = {"GIT_INDEX_FILE": str(index)}
    paths = "\0".join(path for path, size in tree_of(top, commit).items() if size <= _MOST_BYTES)
    for words, text in (
        (("read-tree", commit), ""),
        (("checkout-index", "--quiet", "-z", "--stdin", f"--prefix={root}/"), paths),
    ):
        done = run_git(top, *words, env=env, text=text)
        if done.returncode:
            first = (done.stderr.strip().splitlines() or ["git failed"])[0]
            raise TargetError(f"git cannot check out {commit[:12]}: {first}", "look at git status")
    index.unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    """Without what git tells its hooks: it would mean that repository wherever git is run."""
    told = {
        "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX",
        "GIT_COMMON_DIR",
    }  # fmt: skip
    return {name: value for name, value in os.environ.items() if name not in told}


def run_git(
    folder: Path, *words: str, env: Mapping[str, str] | None = None, text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run git in a folder, without locks on what is the user's."""
    try:
        return subprocess.run(
            ["git", *words],
            cwd=folder,
            env={**_environment(), "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", **(env or {})},
            input=text,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError as error:
        raise TargetError("git is not installed", "install git") from error
