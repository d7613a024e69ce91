"""The settings of ``stitch check``: what is read, and what is said of every mistake."""

from __future__ import annotations

import json
import re
import time
import tomllib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stitchcli.config.found import Source, find_source
from stitchcli.config.project import read_project
from stitchcli.config.schema import json_schema
from stitchcli.config.settings import read_settings
from stitchcli.config.validate import Mistakes, validated
from stitchcli.errors import StitchError
from stitchcli.records import Limit, Slack

WHOLE = """\
baseline = "base.json"
base = "merge-base"
uncounted-ops = "error"

[[model]]
name = "unet"
target = "models/unet.py:UNet"
kwargs = { n_classes = 2 }
input = ["1x3x256x256"]
edits = ["--replace conv=dwconv"]

[model.budget]
params = { max = "1.7M", max-increase = { rel = "2%", abs = "10k" } }
macs = { max = "12G", level = "warn" }
"params@down*" = { max = "1M" }
output-shape = [1, 2, 256, 256]
checkpoint-compatible = true

[[model]]
name = "small"
target = "unet"
mode = "train"
faults = "warn"
budget = { params = "13M", flops = { target = 100, tolerance = "5%", min = 3 } }
"""
MODEL = '[[model]]\nname = "m"\ntarget = "unet"\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def read(text: str, file: str = "stitch.toml") -> Any:
        (tmp_path / file).write_text(text)
        return read_project()

    return read


def test_the_example(project: Any) -> None:
    found = project(WHOLE)
    unet, small = found.models
    assert unet.target.text == "models/unet.py:UNet"
    assert unet.target.arguments == (("n_classes", 2),)
    assert unet.inputs[0].shape == (1, 3, 256, 256) and len(unet.edits) == 1
    assert unet.limits == (
        Limit("params", "max", 1_700_000),
        Limit("params", "max-increase", slack=Slack(10_000, Fraction(1, 50))),
        Limit("macs", "max", 12_000_000_000, level="warn"),
        Limit("params@down*", "max", 1_000_000),
    )
    assert unet.output_shape == ((1, 2, 256, 256),) and unet.checkpoint == "error"
    assert unet.uncounted == "error" and unet.faults == "error" and unet.needs_base
    assert unet.lines["params.max"] == 13 and unet.lines["params@down*.max"] == 15
    assert unet.lines[""] == 6 and unet.lines["checkpoint-compatible"] == 17
    assert small.limits[0] == Limit("params", "max", 13_000_000)
    assert Limit("flops", "target", 100, Slack(relative=Fraction(1, 20))) in small.limits
    assert (small.mode, small.faults, small.needs_base) == ("train", "warn", False)
    assert found.baseline_file.name == "base.json" and found.base == "merge-base"


def test_a_table_of_pyproject(project: Any) -> None:
    text = re.sub(r"(?m)^\[(\[?)model", r"[\1tool.stitch.model", "[tool.stitch]\n" + WHOLE)
    found = project(text, "pyproject.toml")
    other = project(WHOLE, "stitch.toml").models
    assert [replace(m, lines={}) for m in found.models] == [replace(m, lines={}) for m in other]
    assert found.models[0].lines["params.max"] == 14


@pytest.mark.parametrize(
    ("shape", "shapes"),
    [
        ('"1x2x8x8"', ((1, 2, 8, 8),)),
        ("[1, 2, 8, 8]", ((1, 2, 8, 8),)),
        ('["1x2", "1x3"]', ((1, 2), (1, 3))),
        ("[[1, 2], [1, 3]]", ((1, 2), (1, 3))),
    ],
)
def test_output_shapes(project: Any, shape: str, shapes: Any) -> None:
    (model,) = project(f"{MODEL}budget.output-shape = {shape}\n").models
    assert model.output_shape == shapes


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("inptu = '1x3'", ["there is no setting 'inptu'", "did you mean 'input'"]),
        ("budget = { parms = 3 }", ["'parms'", "did you mean 'params'"]),
        ('budget = { "parms@a" = 3 }', ["no metric 'parms'", "did you mean 'params'"]),
        ('budget = { "params@a[" = 3 }', ["model[m].budget.params@a["]),
        ("budget = { params = { mx = 3 } }", ["'mx'", "did you mean 'max'"]),
        ("budget = { params = {} }", ["no limit"]),
        ('budget = { params = { level = "warn" } }', ["no limit"]),
        ('budget = { params = { max = 1, level = "wran" } }', ["'wran'", "did you mean 'warn'"]),
        ("budget = { params = { max = 1.5 } }", ["a number with a fraction", "1.7M"]),
        ("budget = { params = true }", ["true or false", "1.7M"]),
        ("budget = { params = -1 }", ["0"]),
        ('budget = { params = "1.7X" }', ["'1.7X'", "1.7M"]),
        ('budget = { params = "1.5" }', ["whole number"]),
        ("budget = { params = { max = 1, min = 2 } }", ["min is above max"]),
        ("budget = { params = { max = 1, tolerance = 2 } }", ["no target"]),
        ("budget = { params = { max-increase = {} } }", ["no limit"]),
        ('budget = { params = { max-increase = { rel = "2" } } }', ["no share"]),
        ('budget = { params = { max-increase = { ral = "2%" } } }', ["did you mean 'rel'"]),
        ("budget = { output-shape = [] }", ["names no shape"]),
        ("budget = { output-shape = [1, [2]] }", ["1"]),
        ('budget = { output-shape = "1y2" }', ["'1y2'"]),
        ("", ["no budget", "nothing would be checked"]),
        ('budget = { params = 1 }\nedits = ["--replce conv=dwconv"]', ["--replce"]),
        ('budget = { params = 1 }\ninput = "1y3"', ["'1y3'"]),
        ('budget = { params = 1 }\nfaults = "errr"', ["did you mean 'error'"]),
    ],
)
def test_mistakes(project: Any, tmp_path: Path, line: str, words: list[str]) -> None:
    with pytest.raises(StitchError) as raised:
        project(MODEL + line + "\n")
    said = f"{raised.value.message} {raised.value.help}"
    assert re.match(r"stitch\.toml:[1-5]: model\[m\]", said), said
    assert all(word in said for word in words), said
    assert raised.value.help


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model = 3\n", "write [[model]]"),
        ('[model]\nname = "a"\n', "this is a table, and not a list write [[model]]"),
        (f"{MODEL}budget = 3\n", "this is an integer, and not a table write a table, as in"),
        (f"{MODEL}kwargs = []\n", "write a table, as in"),
        (f'{MODEL}edits = "x"\n', 'write a list, as in ["first"'),
        (f"{MODEL}input = [1]\n", "model[m].input[0]: this is an integer, and not a string"),
        ("base = 1\n", "this is an integer, and not a string write a string"),
        ('[tool.stitch]\nbase = "x"\n', "without tool.stitch"),
        ("colour = 1\n", "settings are blocks, select"),
        ('[[model]]\nname = "a\\nb"\ntarget = "unet"\n', "model[a"),
    ],
)
def test_words_for_mistakes(project: Any, text: str, words: str) -> None:
    with pytest.raises(StitchError) as raised:
        project(text)
    said = f"{raised.value.message} {raised.value.help}{raised.value.details}"
    assert words in said, said
    assert "another value" not in said


def test_every_mistake_is_told(project: Any) -> None:
    with pytest.raises(StitchError) as raised:
        project(f"bsae = 1\n{MODEL}budget = {{ parms = 3 }}\n[[model]]\nnam = 'x'\n")
    lines = raised.value.details.splitlines()
    assert raised.value.message == "stitch.toml has 5 mistakes"
    assert [line.split(":")[1] for line in lines] == ["1", "5", "6", "6", "7"]
    assert "did you mean 'base'" in lines[0] and "target is missing" in "".join(lines)


def test_amounts_are_told_with_types(project: Any) -> None:
    with pytest.raises(StitchError) as raised:
        project(f"base = 1\n{MODEL}budget.params = '1.7.7M'\n{MODEL}budget.macs = 3\n")
    lines = raised.value.details.splitlines()
    assert [line.split(":")[1] for line in lines] == ["1", "5", "7"]


def test_a_byte_order_mark(project: Any, tmp_path: Path) -> None:
    assert project("\ufeff" + WHOLE).models == project(WHOLE).models


def test_whole_floats_are_integers(project: Any) -> None:
    text = "kwargs = { eps = 1.0 }\nbudget = { params = { max = 2e6 }, macs = 3.0 }\n"
    (model,) = project('[[model]]\nname = "m"\ntarget = "unet"\n' + text).models
    assert model.limits == (Limit("params", "max", 2_000_000), Limit("macs", "max", 3))
    assert [type(each.value) for each in model.limits] == [int, int]
    assert [type(value) for _, value in model.target.arguments] == [float]


def test_two_models_of_one_name(project: Any) -> None:
    model = MODEL + "budget = { params = 1 }\n"
    with pytest.raises(StitchError, match=r"stitch\.toml:6: model\[m\]\.name"):
        project(model + model)


def test_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StitchError) as raised:
        read_project()
    assert "stitch init" in raised.value.help and read_settings().blocks == ()


def test_the_own_file_wins(project: Any, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.stitch]\nignore = ['ST202']\n")
    found = project(WHOLE)
    assert found.settings.ignore == () and "is not" in found.source.notes[0]
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    source = find_source(below)
    assert source is not None and source.file == tmp_path / "stitch.toml"


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "stitch.toml").write_text(WHOLE)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(StitchError, match="cannot read"):
        find_source(tmp_path)


def test_many_models_are_read_in_no_time(project: Any) -> None:
    text = "".join(
        f'[[model]]\nname = "m{at}"\ntarget = "unet"\n[model.budget]\n'
        "params = { max = 3, min = 2 }\nmacs = 4\nflops = 5\nbuffers = 6\n"
        for at in range(200)
    )
    began = time.perf_counter()
    models = project(text).models
    assert time.perf_counter() - began < 3  # a second would do; it was minutes
    assert models[199].lines["buffers.max"] == 200 * 8


# ------------------------------------------------------------------------------------- the schema

_LEAF = st.one_of(
    st.integers(-1, 10), st.sampled_from(["2%", "10k", "1.7M", "warn", "error", ""]),
    st.booleans(), st.floats(0, 2), st.just({}), st.lists(st.integers(0, 3), max_size=3),
)  # fmt: skip
_KEYS = st.sampled_from(
    "max min exact target tolerance max-increase level rel abs params macs params@down* parms@x "
    "output-shape checkpoint-compatible budget name input edits mode faults kwargs base".split()
)


def _tables(depth: int) -> st.SearchStrategy[Any]:
    if not depth:
        return _LEAF
    return st.dictionaries(_KEYS, st.one_of(_LEAF, _tables(depth - 1)), max_size=3)


@given(_tables(3), _tables(2), _tables(3))
@example({}, {"params": 2.0}, {})
@example({"kwargs": {"width": 2.0}}, {"macs": {"max": 2e6}}, {})
def test_the_schema_says_what_the_validator_does(model: Any, budget: Any, root: Any) -> None:
    whole = {"name": "m", "target": "unet", **model}
    for table in ({**root, "model": [whole]}, {"model": [{**whole, "budget": budget}]}):
        mistakes = Mistakes(Source(Path("stitch.toml"), "", table))
        validated(mistakes.source, mistakes)
        fits = jsonschema.Draft202012Validator(json_schema()).is_valid(table)
        assert fits == (not mistakes.found), (table, mistakes.found)


def test_the_schema_takes_the_example() -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    validator.check_schema(json_schema())
    validator.validate(tomllib.loads(WHOLE))


def test_the_schema_is_written_down() -> None:
    file = Path(__file__).parents[2] / "docs" / "stitch.schema.json"
    assert json.loads(file.read_text()) == json_schema(), "stitch config --schema > docs/…"
