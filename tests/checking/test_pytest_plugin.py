"""The plugin, in pytest processes of its own, and ``assert_budget``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from checking.conftest import NET, SETTINGS, Repo
from torch import nn

from stitchcli import StitchError, assert_budget

CLEAN = ("-p", "no:cacheprovider", "-p", "no:syrupy", "-p", "no:hypothesispytest")
TEST = "def test_of_its_own():\n    pass\n"


def run(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", *CLEAN, *words],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def outcomes(text: str) -> dict[str, str]:
    """What became of each test, by its id."""
    words = ("PASSED", "FAILED", "ERROR", "SKIPPED")
    lines = [line.split() for line in text.splitlines() if line.startswith(words)]
    return {line[1]: line[0] for line in lines}


def test_one_test_a_check(repo: Repo) -> None:
    repo.write("tests/test_own.py", TEST)
    code, text = run("--stitch")
    assert code == 0, text
    assert outcomes(text) == {
        "tests/test_own.py::test_of_its_own": "PASSED",
        "stitch.toml::unet::faults": "PASSED",
        "stitch.toml::unet::params.max": "PASSED",
    }
    repo.grow()
    code, text = run("--stitch")
    assert code == 1 and outcomes(text)["stitch.toml::unet::params.max"] == "FAILED"
    assert "params.max is 1,865,474 and the limit is 1,700,000 (up1.conv.net.0 +147,456" in text
    assert "Traceback" not in text and "pytest_plugin.py" not in text


def test_by_setting_marker_and_name(repo: Repo) -> None:
    repo.write("tests/test_own.py", TEST)
    assert set(outcomes(run()[1])) == {"tests/test_own.py::test_of_its_own"}
    repo.write("pytest.ini", "[pytest]\nstitch = true\n")
    assert len(outcomes(run()[1])) == 3
    assert set(outcomes(run("-m", "not stitch")[1])) == {"tests/test_own.py::test_of_its_own"}
    assert set(outcomes(run("-m", "stitch")[1])) == {
        "stitch.toml::unet::faults", "stitch.toml::unet::params.max",
    }  # fmt: skip
    assert set(outcomes(run("-k", "params")[1])) == {"stitch.toml::unet::params.max"}
    assert set(outcomes(run("stitch.toml::unet::faults")[1])) == {"stitch.toml::unet::faults"}
    # whoever names a file of tests wants that file
    assert set(outcomes(run("tests/test_own.py")[1])) == {"tests/test_own.py::test_of_its_own"}
    assert len(outcomes(run("-n", "2")[1])) == 3


def test_settings_in_pyproject(repo: Repo) -> None:
    table = SETTINGS.replace("[[model]]", "[[tool.stitch.model]]")
    table = table.replace("[model.budget]", "[tool.stitch.model.budget]")
    repo.write("pyproject.toml", f"[tool.stitch]\n{table}")
    (repo.folder / "stitch.toml").unlink()
    assert "pyproject.toml::unet::params.max" in outcomes(run("--stitch")[1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no [[model]]"),
        (SETTINGS.replace("params", "parms"), "did you mean 'params'"),
        (SETTINGS.replace("unet.py", "gone.py"), "there is no file models/gone.py"),
        (SETTINGS.replace("merge-base", "baseline"), "stitch-baseline.json is not there"),
        (SETTINGS.replace("params", '"params@nothing"'), "matches nothing"),
    ],
)
def test_never_silent(repo: Repo, text: str, words: str) -> None:
    repo.write("stitch.toml", text)
    code, said = run("--stitch")
    assert code != 0 and words in said and "Traceback" not in said, said


def test_files_called_like_the_standard_library(repo: Repo) -> None:
    repo.write("dataclasses.py", "raise RuntimeError('not this one')\n")
    program = Path(sys.executable).parent / "pytest"
    words = [program, *CLEAN, "--stitch", "--import-mode=importlib"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


def test_a_project_below_the_root(repo: Repo) -> None:
    (repo.folder / "sub").mkdir()
    for name in ("models", "stitch.toml"):
        (repo.folder / name).rename(repo.folder / "sub" / name)
    text = (repo.folder / "sub" / "stitch.toml").read_text()
    repo.write("sub/stitch.toml", text.replace('"unet"', '"u::net [x]"').replace("merge-", "")
               .replace('base = "base"', 'base = "none"'))  # fmt: skip
    repo.write("sub/test_own.py", TEST)
    for words in (("sub/stitch.toml",), ("sub/stitch.toml::u:net (x)",)):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *CLEAN, "--stitch", "-v", *words],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout
    one = run("--stitch", "sub/test_own.py::test_of_its_own")
    assert one[0] == 0 and len(outcomes(one[1])) == 1


def test_no_settings(repo: Repo) -> None:
    (repo.folder / "stitch.toml").unlink()
    code, said = run("--stitch")
    assert code != 0 and "there is no stitch.toml" in said


def test_it_costs_nothing_where_it_is_not_asked_for(repo: Repo) -> None:
    repo.write(
        "test_own.py",
        "import sys\ndef test_it():\n    assert not {'torch', 'msgspec'} & set(sys.modules)\n"
        "    assert 'stitchcli.config' not in sys.modules\n",
    )
    code, said = run("-p", "no:xdist")
    assert code == 0, said


# ---------------------------------------------------------------------------------- assert_budget


class Small(nn.Module):
    """3·9·8 + 8 + 8·2 + 2 = 242 parameters."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, width, 3, padding=1)
        self.last = nn.Conv2d(width, 2, 1)

    def forward(self, x):  # type: ignore[no-untyped-def]
        return self.last(self.first(x))


INPUT = "1x3x16x16"


def test_a_budget_that_holds() -> None:
    network = Small()
    assert_budget(
        network, params=242, macs={"exact": 256 * (216 + 16)}, output_shape=(1, 2, 16, 16),
        limits={"params@last": {"min": 18, "max": 18}}, input=INPUT,
    )  # fmt: skip
    assert next(network.parameters()).device.type == "cpu" and network.training


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ({"params": 241}, "params is 242, 1 over the limit of 241 (largest: first 224 · last 18)"),
        ({"params": {"min": "1k"}}, "758 under the limit of 1,000"),
        ({"output_shape": "1x3x16x16"}, "the output is 1x2x16x16, and not 1x3x16x16"),
        ({"limits": {"params@lsat": 3}}, "did you mean 'last'"),
        ({"params": {"max-increase": "1%"}}, "there is no base"),
        ({"checkpoint_compatible": True}, "there is no base"),
    ],
)
def test_a_budget_that_does_not(budget: dict[str, object], words: str) -> None:
    with pytest.raises(AssertionError) as raised:
        assert_budget(Small(), input=INPUT, **budget)  # type: ignore[arg-type]
    assert words in str(raised.value)


def test_every_check_is_told() -> None:
    with pytest.raises(AssertionError) as raised:
        assert_budget(Small(), params=1, macs=2, buffers={"min": 1}, input=INPUT)
    assert len(str(raised.value).splitlines()) == 3


def test_against_another_network() -> None:
    assert_budget(Small(), params={"max-increase": "2%"}, base=Small(), input=INPUT)
    with pytest.raises(AssertionError, match=r"since base \(why: "):
        assert_budget(Small(16), params={"max-increase": "2%"}, base=Small(), input=INPUT)
    with pytest.raises(AssertionError, match="does not load: first"):
        assert_budget(Small(16), checkpoint_compatible=True, base=Small(), input=INPUT)
    with pytest.warns(UserWarning, match="inherited|on the base too"):
        assert_budget(Small(), params=200, base=Small(), input=INPUT)


def test_a_fault_fails() -> None:
    network = Small()
    network.last = nn.Conv2d(9, 2, 1)
    with pytest.raises(AssertionError, match="ST101"):
        assert_budget(network, params="1k", input=INPUT)


def test_mistakes_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(StitchError, match="nothing would be checked"):
        assert_budget(Small(), input=INPUT)
    with pytest.raises(StitchError, match="whole number"):
        assert_budget(Small(), params="1.5", input=INPUT)
    with pytest.raises(StitchError) as raised:
        assert_budget(Small(), params=1, faults="eror", input=INPUT)  # type: ignore[arg-type]
    assert "did you mean 'error'" in raised.value.help
    with pytest.raises(StitchError) as raised:
        assert_budget(Small(), params={"mx": 1}, input=INPUT)
    assert "did you mean 'max'" in raised.value.help
    with pytest.raises(StitchError, match="is no network"):
        assert_budget(Small, params=1)  # type: ignore[arg-type]
    with pytest.raises(StitchError, match="limits has params"):
        assert_budget(Small(), params=1, limits={"params": 3})
    with pytest.raises(StitchError, match="there is no network"):
        assert_budget("nowhere", params=1)
    (tmp_path / "net.py").write_text(NET)
    assert_budget(str(tmp_path / "net.py"), params=242, input=INPUT)
