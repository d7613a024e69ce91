"""A pull request raises a U-Net from 1.68M to 1.87M: what everybody sees, then it is accepted, then
taken back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checking.conftest import Repo, Stitch

from stitchcli.config.project import read_project


def test_a_pull_request(repo: Repo, stitch: Stitch, monkeypatch: pytest.MonkeyPatch) -> None:
    base = repo.git("rev-parse", "--short", "main")
    assert stitch("check").code == 0
    repo.grow()
    before = repo.git("status", "--porcelain")

    table = stitch("check")
    assert table.code == 1 and table.err == ""
    row = next(line.split() for line in table.out.splitlines() if "params.max" in line)
    assert row == ["params.max", "1,681,154", "1,865,474", "+184,320", "(+11.0%)", "1,700,000",
                   "FAIL"]  # fmt: skip
    assert "why params.max: up1.conv.net.0 +147,456 · up2.conv.net.0 +36,864" in table.out
    assert table.out.splitlines()[-1] == "1 budget exceeded"

    summary = repo.folder.parent / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    annotations = stitch("check", "--format", "github")
    assert annotations.code == 1
    first, last = annotations.out.splitlines()
    # of the lines that build up1.conv.net.0 and what is around it, the one that the change is in
    source = (repo.folder / "models" / "unet.py").read_text().splitlines()
    at = next(at for at, line in enumerate(source, 1) if "DoubleConv(2 * out_channels" in line)
    assert first == (
        f"::error file=models/unet.py,line={at},endLine={at},col=21,endColumn=63,"
        "title=stitch unet params.max::unet: params is 1,865,474, 165,474 over the limit of "
        f"1,700,000, +184,320 (+11.0%25) since {base}"
        "%0Awhy: up1.conv.net.0 +147,456 · up2.conv.net.0 +36,864"
    )
    assert last == "::notice title=stitch check unet::1 budget exceeded"

    markdown = stitch("check", "--format", "markdown")
    assert markdown.code == 1
    shown = f"""\
<!-- stitch:report id=unet -->
### stitch: 1 budget exceeded
| model | metric | base `{base}` | head | Δ | limit | |
|---|---|--:|--:|--:|--:|---|
| unet | params | 1,681,154 | 1,865,474 | +184,320 (+11.0%) | 1,700,000 | FAIL |

**Why:** `up1.conv.net.0` +147,456 · `up2.conv.net.0` +36,864
"""
    assert markdown.out.startswith(shown)
    assert summary.read_text() == markdown.out + "\n"
    assert repo.git("status", "--porcelain") == before


def test_accepted_then_taken_back(repo: Repo, stitch: Stitch) -> None:
    """The ratchet: what was accepted is inherited, what got better is to be accepted again."""
    repo.write(
        "stitch.toml", (repo.folder / "stitch.toml").read_text().replace("merge-base", "baseline")
    )
    small = (repo.folder / "models" / "unet.py").read_text()
    assert stitch("baseline", "accept").code == 0
    repo.grow()
    assert stitch("check").code == 1
    accepted = stitch("baseline", "accept")
    assert accepted.code == 0
    assert accepted.out.startswith("unet: params 1,681,154 → 1,865,474 (+184,320, +11.0%), ")
    over = stitch("check")
    assert over.code == 0 and "INHERITED" in over.out and over.out.endswith("1 inherited\n")

    repo.write("models/unet.py", small)
    better = stitch("check")
    assert better.code == 0
    assert (
        "params is 184,320 less than the baseline; stitch baseline accept keeps it so" in better.out
    )
    stitch("baseline", "accept")
    repo.grow()
    assert stitch("check").code == 1
    assert "up1.conv.net.0 +147,456 · up2.conv.net.0 +36,864" in stitch("check").out


def test_every_format_says_the_same(repo: Repo, stitch: Stitch, tmp_path: Path) -> None:
    repo.grow()
    formats = ["table", "json", "markdown", "concise", "github", "sarif", "junit"]
    codes = {stitch("check", "-f", each).code for each in formats}
    files = [tmp_path / f"report.{each}" for each in formats]
    outs = [f"--out={kind}:{file}" for kind, file in zip(formats, files, strict=True)]
    assert stitch("check", *outs).code == 1 and codes == {1}
    assert all("1,865,474" in file.read_text() or "1865474" in file.read_text() for file in files)
    (model,) = json.loads(files[1].read_text())["models"]
    (check,) = [each for each in model["checks"] if each["id"] == "params.max"]
    assert (check["status"], check["actual"], check["base"]) == ("fail", 1_865_474, 1_681_154)
    assert (check["limit"], check["over"], check["line"]) == (1_700_000, 165_474, 9)
    assert [(each["path"], each["delta"]) for each in check["why"]] == [
        ("up1.conv.net.0", 147_456), ("up2.conv.net.0", 36_864),
    ]  # fmt: skip


def test_two_commits_later(repo: Repo, stitch: Stitch) -> None:
    """The merge base counts, and not the tip of the other branch."""
    repo.git("checkout", "-q", "main")
    repo.grow()
    repo.commit("grown on main")
    repo.git("checkout", "-q", "change")
    repo.write("other.txt", "else")
    repo.commit()
    found = stitch("check")
    assert found.code == 0 and found.out.endswith("all 2 checks passed\n")
    against = stitch("check", "--base", "main", "-f", "json")
    (model,) = json.loads(against.out)["models"]
    assert model["against"]["values"]["params"] == 1_865_474


def test_the_readme_shows_what_is_printed(repo: Repo, stitch: Stitch) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    repo.grow()
    base = repo.git("rev-parse", "--short", "main")
    assert stitch("check").out.replace(base, "a1b2c3d") in readme
    settings = next(part for part in readme.split("```") if part.startswith("toml\n# stitch.toml"))
    repo.write("stitch.toml", settings.removeprefix("toml\n"))
    (model,) = read_project().models
    assert len(model.limits) == 6 and model.checkpoint and model.output_shape
