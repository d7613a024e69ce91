"""What goes to stdout, to stderr and to files."""

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest

import stitchcli.cli.inspect
from stitchcli.formats import FORMATS

SMALL = ("--input", "1x3x8x8")
SPAN = {"file": str, "line": int, "col": int, "end_col": int}
PAIR = {"base": int, "result": int}
TOTALS = {
    **dict.fromkeys(("params", "trainable", "buffers", "macs", "flops"), int),
    "outputs": [[int]],
}
FIX = {
    "title": str,
    "edits": [str],
    "safety": str,
    "verified": bool,
    "verification": (
        {"ran": bool, "outputs": [[int]], "delta_params": int, "remaining": int},
        None,
    ),
}
MODEL = {
    **dict.fromkeys(("name", "target", "device", "mode"), str),
    "inputs": [{"shape": [int], "dtype": str, "guessed": bool}],
    "edits": [
        {
            "flag": str,
            "matched": [str],
            "built": [{"path": str, "block": str, "arguments": {}}],
        }
    ],
    "base": TOTALS,
    "result": TOTALS,
    "stages": [
        {
            "path": str,
            "kind": str,
            "op": (str, None),
            "inputs": [[int]],
            "outputs": [[int]],
            "params": PAIR,
            "macs": PAIR,
            "flops": PAIR,
            "seconds": (float, None),
        }
    ],
    "diagnostics": [
        {
            **dict.fromkeys(("code", "severity", "path", "phase", "title"), str),
            "primary": (SPAN, None),
            "secondary": [SPAN],
            "op": (str, None),
            "operands": [{"name": str, "shape": [int], "origin": str}],
            "mismatch": (dict.fromkeys(("dim", "expected", "got"), (int, None)), None),
            "notes": [str],
            "fixes": [FIX],
        }
    ],
    "uncounted_ops": [{"op": str, "calls": int}],
}
DOCUMENT = {
    "schema": "stitch.report/1",
    "tool": {"version": str, "torch": str, "python": str},
    "command": "inspect",
    "status": str,
    "exit_code": int,
    "error": ({"message": str, "help": str}, None),
    "models": [MODEL],
}


def fits(value: Any, shape: Any, path: str = "$") -> None:
    """Check ``value`` against a shape: a type, a constant, a list, a dict, or several of them."""
    match shape:
        case tuple():
            if value is not None or None not in shape:
                fits(value, shape[0], path)
        case dict():
            assert isinstance(value, dict), path
            for key, inner in shape.items():
                assert key in value, f"{path}.{key}"
                fits(value[key], inner, f"{path}.{key}")
        case list():
            assert isinstance(value, list), path
            for index, each in enumerate(value):
                fits(each, shape[0], f"{path}[{index}]")
        case type():
            assert type(value) is shape, f"{path} is {value!r}"
        case _:
            assert value == shape, path


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["net.py", *SMALL], "ok", 0),
        (["unet", "--replace", "conv=dwconv", "--after", "down*=se", "--device", "meta"], "ok", 0),
        (["net.py", "--arg", "wrong=1", *SMALL], "findings", 1),
        (["unet", "--set", "up1.conv.conv1.in_channels=7", "--device", "meta"], "findings", 1),
    ],
)
def test_json_follows_its_schema(stitch: Any, words: list[str], status: str, code: int) -> None:
    result = stitch(*words, "--format", "json")
    document = json.loads(result.out)
    fits(document, DOCUMENT)
    assert (document["status"], document["exit_code"], document["error"]) == (status, code, None)
    (model,) = document["models"]
    for side in ("base", "result"):
        assert model[side]["flops"] == 2 * model[side]["macs"]
        for amount in ("params", "macs", "flops"):
            assert sum(row[amount][side] for row in model["stages"]) == model[side][amount]
    errors = [d for d in model["diagnostics"] if d["severity"] == "error"]
    assert bool(errors) == bool(code) == any(d["fixes"] for d in errors)


def test_json_of_an_error_follows_its_schema(stitch: Any) -> None:
    document = json.loads(stitch("unte", "--format", "json").out)
    fits(document, DOCUMENT)


def test_what_a_model_prints_goes_to_stderr(process: Any) -> None:
    words = ("-m", "stitchcli", "inspect", "noisy.py", *SMALL, "--format", "json")
    result = process(*words)
    assert result.code == 0 and json.loads(result.out)["status"] == "ok"
    for text in ("from import", "from forward", "raw"):
        assert text in result.err


def test_quiet_leaves_out_the_stages(stitch: Any) -> None:
    loud, quiet = stitch("net.py", *SMALL), stitch("net.py", *SMALL, "--quiet")
    assert "first" in loud.out and "first" not in quiet.out
    assert "parameters" in quiet.out and "242" in quiet.out and "FLOPs" in quiet.out


# ------------------------------------------------------------------------------- --out


def test_out_writes_each_format(stitch: Any, here: Path) -> None:
    outs = [word for name in FORMATS for word in ("--out", f"{name}:r.{name}")]
    result = stitch("net.py", *SMALL, *outs)
    assert result.code == 0
    fits(json.loads((here / "r.json").read_text()), DOCUMENT)
    assert "|" in (here / "r.markdown").read_text()
    assert (here / "r.table").read_text().split() == result.out.split()
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((here / "r.json").stat().st_mode) == 0o666 & ~mask


def test_out_is_written_whole_or_not_at_all(
    stitch: Any, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "r.json").write_text("as it was")
    files = sorted(here.iterdir())

    def broken(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("replace", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, broken)
            result = stitch("net.py", *SMALL, "--out", "json:r.json")
        assert result.code == 2 and "No space left on device" in result.err
        assert (here / "r.json").read_text() == "as it was" and sorted(here.iterdir()) == files


def test_out_into_a_folder_that_cannot_be_written(
    stitch: Any, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("stitchcli.whole_files.tempfile.mkstemp", refused)
    result = stitch("net.py", *SMALL, "--out", "json:r.json")
    assert result.code == 2 and "error: cannot write r.json: Permission denied" in result.err
    assert not (here / "r.json").exists()


def test_out_is_not_touched_where_nothing_could_be_made(stitch: Any, here: Path) -> None:
    (here / "r.json").write_text("as it was")
    files = sorted(here.iterdir())
    for words in (["raises.py"], ["stopped.py"], ["net.py", "--replace", "zzz=se"]):
        assert stitch(*words, *SMALL, "--out", "json:r.json").code in (2, 130)
        assert (here / "r.json").read_text() == "as it was"
        assert sorted(f for f in here.iterdir() if f.name != "__pycache__") == files


@pytest.mark.parametrize("format", FORMATS)
def test_out_keeps_an_existing_files_mode(stitch: Any, here: Path, format: str) -> None:
    (here / "r").write_text("old")
    (here / "r").chmod(0o640)
    assert stitch("net.py", *SMALL, "--out", f"{format}:r").code == 0
    assert stat.S_IMODE((here / "r").stat().st_mode) == 0o640


# ------------------------------------------------------------------------------- colour, signs


@pytest.mark.parametrize(
    ("words", "env", "coloured"),
    [
        ([], {}, False),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
        (["--color", "always"], {}, True),
        pytest.param(["--color", "always"], {"TERM": "dumb"}, True),
        pytest.param(["--color", "always"], {"NO_COLOR": "1"}, True),
        ([], {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_colour(
    stitch: Any,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    env: dict[str, str],
    coloured: bool,
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    found = re.findall(r"\x1b\[[\d;]*m", stitch("net.py", *SMALL, *words).out)
    colours = [c for c in found if set(re.findall(r"\d+", c)) & set(map(str, range(30, 38)))]
    assert bool(colours) == coloured


@pytest.mark.parametrize("format", FORMATS)
def test_a_console_with_ascii_only(stitch: Any, format: str) -> None:
    words = ["net.py", "--arg", "wrong=1", *SMALL, "--replace", "first=dwconv", "-f", format]
    result = stitch(*words, encoding="ascii")
    assert result.code == 1 and result.out.isascii() and "Traceback" not in result.err


def test_an_error_on_a_console_with_ascii_only(stitch: Any) -> None:
    result = stitch("torch.nn:Linear", "--format", "json", encoding="ascii")
    assert result.code == 2 and json.loads(result.out)["status"] == "error"


def test_ascii_from_the_environment(process: Any) -> None:
    env = {"PYTHONIOENCODING": "ascii"}
    result = process("-m", "stitchcli", "inspect", "net.py", *SMALL, env=env)
    assert result.code == 0 and result.out.isascii() and "3x8x8" in result.out


def test_every_format_is_offered() -> None:
    assert set(FORMATS) == set(stitchcli.cli.inspect.Format)


# ------------------------------------------------------------------------------- what is ignored


def test_what_is_ignored_is_counted_in_a_line(stitch: Any) -> None:
    words = ("net.py", "--arg", "wrong=1", *SMALL)
    result = stitch(*words, "--ignore", "st2,ST101")
    assert result.code == 0 and result.out.endswith("no faults\n1 ignored: ST101\n")
    assert "\n1 ignored: ST101\n" in stitch(*words, "--select=ST2", "-f", "markdown").out
    (model,) = json.loads(stitch(*words, "--ignore", "ST101", "-f", "json").out)["models"]
    assert [each["code"] for each in model["ignored"]] == ["ST101"] and not model["diagnostics"]


def test_flags_go_over_the_projects_settings(stitch: Any, here: Path) -> None:
    (here / "pyproject.toml").write_text('[tool.stitch]\nignore = ["ST101"]\n')
    words = ("net.py", "--arg", "wrong=1", *SMALL)
    assert stitch(*words).code == 0
    assert stitch(*words, "--select", "ST101").code == 1
