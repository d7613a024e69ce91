"""What is compared with: the state of the repository that people would expect, in every kind of
clone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from checking.conftest import NET, SETTINGS, Repo, Stitch

from stitchcli.sources.git import changed_lines

WIDE = NET.replace("width=8", "width=16")
SMALL, LARGE = 8 * 27 + 8 + 8 * 2 + 2, 16 * 27 + 16 + 16 * 2 + 2


def settings(target: str, base: str = "HEAD") -> str:
    return (
        f'base = "{base}"\n[[model]]\nname = "net"\ntarget = "{target}"\ninput = "1x3x8x8"\n'
        "budget = { params = 1000 }\n"
    )


def base_params(stitch: Stitch, *words: str) -> Any:
    (model,) = json.loads(stitch("check", "-f", "json", *words).out)["models"]
    values = model["against"]["values"]
    return values["params"] if values else model["against"]["text"]


@pytest.mark.parametrize("place", ["", "src/", "team/service/", "team/service/src/"])
def test_an_import_path(
    empty: Repo, stitch: Stitch, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The module is that of the commit, wherever in the repository the settings lie."""
    folder = place.removesuffix("src/")
    for name, text in (("__init__", ""), ("part", NET), ("net", "from .part import Net\n")):
        empty.write(f"{place}pkg/{name}.py", text)
    empty.write(f"{folder}stitch.toml", settings("pkg.net:Net"))
    empty.commit()
    empty.write(f"{place}pkg/part.py", WIDE)
    monkeypatch.chdir(empty.folder / folder)
    monkeypatch.syspath_prepend(str(empty.folder / place))
    assert base_params(stitch) == SMALL
    assert "is new" not in stitch("check").out


def test_a_module_that_is_new(empty: Repo, stitch: Stitch) -> None:
    empty.write("other.py", NET)
    empty.commit()
    empty.write("stitch.toml", settings("net:Net"))
    empty.write("net.py", NET)
    assert base_params(stitch) == f"{empty.git('rev-parse', '--short', 'HEAD')} has no net"
    assert stitch("check").code == 0


def test_a_model_of_the_base_whose_file_is_not_in_it(empty: Repo, stitch: Stitch) -> None:
    """It may be generated, or lie in a submodule: it is not new, and not measured."""
    empty.write("stitch.toml", settings("net.py"))
    empty.write(".gitignore", "net.py\n")
    empty.commit()
    empty.write("net.py", NET)
    growth = settings("net.py").replace("1000", "{ max = 1000, max-increase = 3 }")
    empty.write("stitch.toml", growth)
    found = stitch("check")
    assert found.code == 2 and "has no file of net.py" in found.out
    empty.write("stitch.toml", settings("net.py"))
    assert stitch("check").code == 0  # what needs no base holds without it


def test_a_model_under_another_name(empty: Repo, stitch: Stitch) -> None:
    """It is known by its target, so that its arguments cannot grow unseen."""
    empty.write("net.py", NET)
    text = settings("net.py").replace("1000", "{ max-increase = 0 }")
    empty.write("stitch.toml", text)
    empty.commit()
    empty.write("stitch.toml", text.replace('"net"', '"tens"') + "kwargs.width = 16\n")
    found = stitch("check")
    assert found.code == 1 and "tens was called net at" in found.out
    # beside the old one it is another model, which has no base
    second = text[text.index("[[") :].replace('"net"', '"more"') + "kwargs.width = 16\n"
    empty.write("stitch.toml", text + second)
    found = stitch("check")
    assert found.code == 0 and "a new model has no base to grow from" in found.out


def test_what_the_change_does_to_the_settings_is_told(empty: Repo, stitch: Stitch) -> None:
    empty.write("net.py", NET)
    text = settings("net.py") + settings("net.py").split("\n", 1)[1].replace('"net"', '"gone"')
    text = text.replace("{ params = 1000 }", "{ params = 1000, macs = 1_000_000 }")
    empty.write("stitch.toml", text)
    empty.commit()
    empty.write("stitch.toml", settings("net.py").replace("1000", "5000"))
    found = stitch("check")
    assert "has the model gone too, which is not checked" in found.out
    assert "params.max is another limit than at" in found.out and "(1,000 → 5,000)" in found.out
    assert "macs.max is no longer a limit" in found.out and found.code == 0


def test_a_build_of_the_main_branch(
    repo: Repo, stitch: Stitch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was pushed is compared with the commit before it."""
    repo.git("checkout", "-q", "main")
    grown(repo)
    found = stitch("check")
    assert found.code == 1 and base_params(stitch) == 1_681_154
    clone = tmp_path / "shallow"
    words = ["git", "clone", "-q", "--depth", "1", f"file://{repo.folder}", str(clone)]
    subprocess.run(words, check=True, capture_output=True)
    monkeypatch.chdir(clone)
    found = stitch("check")
    assert found.code == 2 and "fetch-depth: 0" in found.out


def test_a_hook_in_a_worktree(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What git tells its hooks does not make another repository of it."""
    repo.write("sub/net.py", NET)
    growth = "budget = { params = { max-increase = '2%' } }\n"
    text = settings("net.py").replace("budget = { params = 1000 }\n", growth)
    repo.write("sub/stitch.toml", text)
    repo.commit()
    repo.git("worktree", "add", "-q", str(tmp_path / "tree"), "-b", "other")
    hook = repo.folder / ".git" / "hooks" / "pre-commit"
    program = f"{sys.executable} -m stitchcli check"
    hook.write_text(f"#!/bin/sh\ncd sub && {program} > {tmp_path / 'said'} 2>&1\n")
    hook.chmod(0o755)
    other = Repo(tmp_path / "tree")
    other.write("sub/net.py", WIDE)
    with pytest.raises(subprocess.CalledProcessError):
        other.commit()
    assert "1 budget exceeded" in (tmp_path / "said").read_text()


def test_a_base_that_cannot_be_built_leaves_the_head(empty: Repo, stitch: Stitch) -> None:
    for code in ("raise KeyboardInterrupt", "raise MemoryError", "import os; os._exit(3)"):
        empty.write("net.py", NET.replace("super().__init__()", f"super().__init__(); {code}"))
        empty.write("stitch.toml", settings("net.py"))
        empty.commit(code)
        empty.write("net.py", NET)
        report = json.loads(stitch("check", "-f", "json").out)
        checks = {each["id"]: each["status"] for each in report["models"][0]["checks"]}
        assert checks == {"base": "warn", "faults": "pass", "params.max": "pass"}
        growth = settings("net.py").replace("1000", "{ max-increase = 3 }")
        empty.write("stitch.toml", growth)
        assert stitch("check").code == 2


def test_lines_of_a_path_with_a_space(empty: Repo) -> None:
    file = empty.write("my dir/net.py", "one\ntwo\nthree\n")
    empty.commit()
    empty.write("my dir/net.py", "one\n2\nthree\nfour\nfive\n")
    head = empty.git("rev-parse", "HEAD")
    assert changed_lines(empty.folder, head) == {str(file): (range(2, 3), range(4, 6))}


def test_below_the_root_and_through_a_link(
    empty: Repo, stitch: Stitch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty.write("a/b/net.py", NET)
    empty.write("a/stitch.toml", settings("b/net.py"))
    empty.write("b/net.py", WIDE)  # the same path from the root is another file
    empty.commit()
    empty.write("a/b/net.py", WIDE)
    link = tmp_path / "link"
    link.symlink_to(empty.folder / "a", target_is_directory=True)
    for place in (empty.folder / "a", empty.folder / "a" / "b", link):
        monkeypatch.chdir(place)
        assert base_params(stitch) == SMALL


def test_settings_that_changed(empty: Repo, stitch: Stitch) -> None:
    """The base is built as its own settings say: file, arguments and edits."""
    empty.write("old.py", NET)
    before = settings("old.py") + "kwargs = { width = 4 }\nedits = ['--after first=SiLU']\n"
    empty.write("stitch.toml", before.replace("budget =", "budget =", 1))
    empty.commit()
    empty.git("mv", "old.py", "new.py")
    empty.write("stitch.toml", settings("new.py"))
    assert base_params(stitch) == 4 * 27 + 4 + 4 * 2 + 2
    empty.write("stitch.toml", settings("new.py").replace('"net"', '"other"'))
    assert "has no other" in base_params(stitch)  # no file, and no such model


def test_settings_that_could_not_be_read(empty: Repo, stitch: Stitch) -> None:
    empty.write("net.py", NET)
    empty.write("stitch.toml", "[[model]\n")
    empty.commit()
    empty.write("stitch.toml", settings("net.py"))
    empty.write("net.py", WIDE)
    assert base_params(stitch) == SMALL
    found = stitch("check")
    assert found.code == 0 and "cannot be read, so today's are taken" in found.out


def test_a_built_in_network_with_other_edits(empty: Repo, stitch: Stitch) -> None:
    text = '[[model]]\nname = "u"\ntarget = "unet"\nbudget.params = "14M"\n'
    empty.write("stitch.toml", text)
    empty.commit()
    empty.write("stitch.toml", text + 'edits = ["--replace conv=dwconv"]\n')
    assert base_params(stitch, "--base", "HEAD") == 13_395_394
    more = text.replace('"u"', '"v"').replace('"unet"', '"resnet18"')
    empty.write("stitch.toml", more)
    assert base_params(stitch, "--base", "HEAD").endswith("has no v")


def grown(repo: Repo) -> None:
    """A commit on the branch."""
    repo.grow()
    repo.commit("grown")


def test_on_main_and_detached(repo: Repo, stitch: Stitch) -> None:
    repo.git("checkout", "-q", "main")
    repo.grow()
    assert base_params(stitch) == 1_681_154  # on main itself: its last commit
    repo.git("checkout", "-q", "--", ".")
    repo.git("checkout", "-q", "--detach", "change")
    grown(repo)
    assert base_params(stitch) == 1_681_154


def test_the_branch_that_ci_names(
    repo: Repo, stitch: Stitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.git("branch", "-m", "main", "develop")
    grown(repo)
    found = stitch("check")
    assert found.code == 2 and 'write base = "merge-base:BRANCH"' in found.out
    assert base_params(stitch, "--base", "merge-base:develop") == 1_681_154
    monkeypatch.setenv("GITHUB_BASE_REF", "develop")
    assert base_params(stitch) == 1_681_154
    monkeypatch.setenv("GITHUB_BASE_REF", "gone")
    found = stitch("check")
    assert found.code == 2 and "fetch-depth: 0" in found.out


def test_clones(
    repo: Repo, stitch: Stitch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    grown(repo)
    repo.git("checkout", "-q", "main")
    url = f"file://{repo.folder}"

    def clone(*words: str) -> Path:
        folder = tmp_path / f"clone{len(list(tmp_path.iterdir()))}"
        command = ["git", "clone", "-q", "--branch", "change", *words, url, str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        monkeypatch.chdir(folder)
        return folder

    clone("--no-single-branch")
    assert base_params(stitch) == 1_681_154  # origin/main is known, main is not
    clone("--depth", "1", "--no-single-branch")
    found = stitch("check")
    assert found.code == 2 and "git fetch --unshallow" in found.out
    clone("--depth", "1")
    found = stitch("check")
    assert found.code == 2 and "base" in found.out
    clone("--filter", "blob:none", "--no-single-branch")
    assert base_params(stitch) == 1_681_154


def test_a_worktree(
    repo: Repo, stitch: Stitch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "tree"), "-b", "other")
    monkeypatch.chdir(tmp_path / "tree")
    other = Repo(tmp_path / "tree")
    other.grow()
    assert base_params(stitch) == 1_681_154
    assert other.git("status", "--porcelain") == "M models/unet.py"


def test_the_baseline_file_is_the_default_where_there_is_one(repo: Repo, stitch: Stitch) -> None:
    repo.write("stitch.toml", SETTINGS.replace('base = "merge-base"\n', ""))
    assert "against" not in stitch("check").out.splitlines()[0]
    stitch("baseline", "accept")
    assert stitch("check").out.splitlines()[0].endswith("against baseline")
    assert "against" not in stitch("check", "--base", "none").out.splitlines()[0]
