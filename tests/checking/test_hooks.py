"""Where people run it: pre-commit, and the steps of the GitHub Action, as they stand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from checking.conftest import Repo

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action.yml"
HERE = Path(sys.executable).parent
PATH = f"{HERE}{os.pathsep}{os.environ['PATH']}"


def steps() -> dict[str, dict[str, Any]]:
    action = yaml.safe_load(ACTION.read_text())
    return {each["name"]: each for each in action["runs"]["steps"]}


# -------------------------------------------------------------------------------------- pre-commit


@pytest.fixture
def hooks(repo: Repo, tmp_path: Path) -> Repo:
    """The sample repository with the hook, whose repository is a copy of ours."""
    ours = tmp_path / "stitch"
    ours.mkdir()
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", ours)
    other = Repo(ours)
    other.git("init", "-q")
    other.commit()
    commit = other.git("rev-parse", "HEAD")
    repo.write(
        ".pre-commit-config.yaml",
        f"repos:\n  - repo: {ours}\n    rev: {commit}\n    hooks:\n      - id: stitch-check\n",
    )
    repo.commit("a hook")
    return repo


def test_the_hook_in_pre_commit(hooks: Repo, tmp_path: Path) -> None:
    env = {**os.environ, "PATH": PATH, "PRE_COMMIT_HOME": str(tmp_path / "cache")}
    words = [HERE / "pre-commit", "run", "--all-files", "--color", "never"]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, env=env, capture_output=True, text=True, timeout=120)

    passed = run()
    assert passed.returncode == 0 and "stitch check" in passed.stdout, passed
    hooks.grow()
    failed = run()
    assert failed.returncode == 1 and "why params.max: up1.conv.net.0 +147,456" in failed.stdout


# -------------------------------------------------------------------------------------- the Action


@pytest.mark.parametrize("name", ["action.yml", "docs/workflow.yml"])
def test_files_of_github(name: str) -> None:
    kind = "github-actions" if name == "action.yml" else "github-workflows"
    words = [HERE / "check-jsonschema", "--builtin-schema", f"vendor.{kind}", ROOT / name]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    if shutil.which("actionlint") and kind == "github-workflows":
        subprocess.run(["actionlint", ROOT / name], check=True)


@pytest.mark.parametrize("name", steps())
def test_the_steps_are_clean_shell(name: str, tmp_path: Path) -> None:
    step = steps()[name]
    script = tmp_path / "step.sh"
    script.write_text(f"#!/bin/bash\n{step['run']}")
    done = subprocess.run(
        ["shellcheck", script], env={"PATH": PATH}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    # what is given from outside is data, and never a part of the script
    assert "${{" not in step["run"]


GH = """#!/usr/bin/env python3
import json, os, re, sys
words = sys.argv[1:]
path = os.environ["FAKE_COMMENTS"]
comments = json.load(open(path))
if os.environ.get("FAKE_REFUSES"):
    sys.exit("HTTP 403")
assert os.environ["GH_TOKEN"] == "secret" and words.pop(0) == "api"
if "--method" not in words:
    query = ".[] | select(.body | startswith(env.MARKER)) | .id"
    assert "--paginate" in words and words[-1] == query
    for each in comments:
        if each["body"].startswith(os.environ["MARKER"]):
            print(each["id"])
else:
    method, place = words[words.index("--method") + 1:][:2]
    body = words[words.index("--raw-field") + 1].removeprefix("body=")
    if method == "POST":
        assert place == "repos/o/r/issues/7/comments"
        comments.append({"id": len(comments) + 1, "body": body})
    else:
        at = int(re.fullmatch("repos/o/r/issues/comments/(.+)", place)[1])
        comments[at - 1]["body"] = body
    json.dump(comments, open(path, "w"))
"""


class Runner:
    """A job that runs the Action's steps as GitHub does."""

    def __init__(self, repo: Repo, folder: Path, **inputs: str) -> None:
        action = yaml.safe_load(ACTION.read_text())
        self.inputs = {k: v.get("default", "") for k, v in action["inputs"].items()} | inputs
        self.folder, self.repo = folder, repo
        self.outputs: dict[str, str] = {}
        for name in ("temp", "bin"):
            (folder / name).mkdir(exist_ok=True)
        (folder / "bin" / "gh").write_text(GH)
        (folder / "bin" / "gh").chmod(0o755)
        self.comments = folder / "comments.json"
        if not self.comments.exists():
            self.comments.write_text('[{"id": 1, "body": "by somebody else"}]')

    def value(self, text: str) -> str:
        """An expression of GitHub's as it would stand in the environment."""
        known = {
            "${{ runner.temp }}": str(self.folder / "temp"), "${{ github.repository }}": "o/r",
            "${{ github.event.pull_request.number }}": "7", "${{ inputs.token }}": "secret",
        }  # fmt: skip
        known |= {f"${{{{ inputs.{k} }}}}": v for k, v in self.inputs.items() if k != "token"}
        known |= {f"${{{{ steps.check.outputs.{k} }}}}": v for k, v in self.outputs.items()}
        return known[text] if text.startswith("${{") else text

    def run(self, name: str, **more: str) -> tuple[int, str]:
        step = steps()[name]
        output = self.folder / "output"
        output.write_text("")
        env = {k: self.value(v) for k, v in step.get("env", {}).items()}
        place = self.repo.folder / self.value(step.get("working-directory", "."))
        script = self.folder / "step.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script],
            cwd=place, capture_output=True, text=True, timeout=120,
            env={**os.environ, "PATH": f"{self.folder / 'bin'}{os.pathsep}{PATH}",
                 "GITHUB_OUTPUT": str(output), "FAKE_COMMENTS": str(self.comments),
                 "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"), "CI": "true",
                 "GITHUB_BASE_REF": "main", **env, **more},
        )  # fmt: skip
        pairs = (line.split("=", 1) for line in output.read_text().splitlines())
        self.outputs |= dict(pairs)
        return done.returncode, done.stdout + done.stderr


def test_the_action_on_a_pull_request(repo: Repo, tmp_path: Path) -> None:
    repo.grow()
    job = Runner(repo, tmp_path)
    code, said = job.run("Check")
    assert code == 0 and "::error file=models/unet.py" in said, said
    assert job.outputs["exit-code"] == "1"
    assert json.loads(Path(job.outputs["report"]).read_text())["exit_code"] == 1
    assert "1 budget exceeded" in (tmp_path / "summary.md").read_text()
    for _ in range(2):  # the second run writes over the comment of the first
        assert job.run("Comment")[0] == 0
        first, second = json.loads(job.comments.read_text())
        assert first["body"] == "by somebody else"
        assert second["body"] == Path(job.outputs["markdown"]).read_text().rstrip("\n")
    assert job.run("Verdict")[0] == 1


def test_a_working_directory(repo: Repo, tmp_path: Path) -> None:
    """Annotations name files from the root of the repository."""
    repo.grow()
    for name in ("models", "stitch.toml"):
        (repo.folder / "sub").mkdir(exist_ok=True)
        shutil.move(repo.folder / name, repo.folder / "sub" / name)
    job = Runner(repo, tmp_path, **{"working-directory": "sub", "base": "none"})
    code, said = job.run("Check", GITHUB_WORKSPACE=str(repo.folder))
    assert code == 0 and "::error file=sub/stitch.toml,line=9," in said, said


def test_jobs_of_a_matrix_have_comments_of_their_own(repo: Repo, tmp_path: Path) -> None:
    text = (repo.folder / "stitch.toml").read_text()
    second = text[text.index("[[model]]") :].replace('"unet"', '"other"')
    repo.write("stitch.toml", f"{text}\n{second}")
    for models in ("unet", "other", "unet other", ""):
        job = Runner(repo, tmp_path, models=models)
        assert job.run("Check")[0] == 0 and job.outputs["exit-code"] == "0"
        assert job.run("Comment")[0] == 0
    bodies = [each["body"].splitlines()[0] for each in json.loads(job.comments.read_text())]
    assert bodies[1:] == [
        "<!-- stitch:report id=unet -->", "<!-- stitch:report id=other -->",
        "<!-- stitch:report id=all -->",
    ]  # fmt: skip


def test_inputs_are_words_and_no_shell(repo: Repo, tmp_path: Path) -> None:
    job = Runner(repo, tmp_path, models="unet; touch injected", base="main; touch injected")
    assert job.run("Check")[0] == 0
    assert job.outputs["exit-code"] == "2" and not (repo.folder / "injected").exists()
    assert job.run("Comment")[0] == 0  # there is no report, and so no comment
    assert len(json.loads(job.comments.read_text())) == 1
    assert job.run("Verdict")[0] == 2


def test_a_comment_that_is_refused_is_no_failure(repo: Repo, tmp_path: Path) -> None:
    job = Runner(repo, tmp_path, base="main", arguments="--timeout 60 --jobs 1")
    assert job.run("Check")[0] == 0
    code, said = job.run("Comment", FAKE_REFUSES="yes")
    assert code == 0 and "::warning title=stitch::the comment could not be written" in said
    assert job.run("Verdict")[0] == 0


def test_what_is_installed(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "python"
    job = Runner(repo, tmp_path, install="stitchcli einops")
    fake.write_text('#!/bin/sh\necho "$#: $*"\n')
    fake.chmod(0o755)
    assert job.run("Install") == (0, "5: -m pip install stitchcli einops\n")
