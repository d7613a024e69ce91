"""What ``stitch check`` writes: nothing is lost in any format, and each reads as its own rules say.

``junit.xsd`` holds what the readers of JUnit XML have in common.
"""

from __future__ import annotations

import json
from dataclasses import replace
from linecache import clearcache
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema
from formats.test_for_programs import VALID, commands
from hypothesis import given, settings
from hypothesis import strategies as st
from random_reports import SITES, WORDS
from syrupy.assertion import SnapshotAssertion

from stitchcli.formats import ERRORS
from stitchcli.formats.check import CHECK_FORMATS
from stitchcli.formats.check.markdown import MOST_BYTES
from stitchcli.formats.check.table import print_check
from stitchcli.formats.drawing import as_text
from stitchcli.records import (
    Against,
    Checked,
    CheckReport,
    Facts,
    Failure,
    Fault,
    Limit,
    Measured,
    ModelCheck,
    Slack,
    Target,
    Verdict,
)

JUNIT = xmlschema.XMLSchema10(str(Path(__file__).parent / "junit.xsd"))
STATUSES = ("pass", "warn", "fail", "inherited", "unmeasured")
LIMITS = (
    Limit("params", "max", 1_700_000),
    Limit("params", "max-increase", slack=Slack(10_000, None)),
    Limit("macs@up*", "target", 10_000, Slack(None, 1)),  # type: ignore[arg-type]
    Limit("buffers", "min", 3),
    Limit("flops", "exact", 7),
)

VERDICTS = st.builds(
    Verdict,
    st.sampled_from([*(each.name for each in LIMITS), "base", "output-shape", "uncounted-ops"]),
    st.sampled_from(["params", "macs@up*", "output-shape"]),
    st.sampled_from(STATUSES),
    st.one_of(st.none(), st.integers(0, 10**13), WORDS),
    st.one_of(st.none(), st.integers(0, 10**13)),
    st.one_of(st.none(), st.integers(0, 10**13)),
    st.integers(0, 10**13),
    WORDS,
)
FACTS = st.builds(
    Facts,
    st.just(Measured({"params": 3})), st.just(("1x3x8x8",)), st.just(("1x2x8x8",)),
    st.just("eval"), st.just("2.13.0"),
    faults=st.lists(
        st.builds(Fault, st.sampled_from(["ST101", "ST202"]), WORDS, WORDS,
                  st.lists(WORDS, max_size=2).map(tuple), st.one_of(st.none(), SITES)), max_size=3,
    ).map(tuple),
    built=st.dictionaries(st.sampled_from(["up1", "up1.conv"]), SITES),
)  # fmt: skip
CHECKED = st.builds(
    Checked,
    st.builds(ModelCheck, WORDS, st.just(Target("unet")), limits=st.just(LIMITS)),
    st.lists(VERDICTS, min_size=1, max_size=14).map(tuple),
    FACTS,
    st.one_of(st.none(), st.builds(Against, WORDS)),
    st.one_of(st.none(), st.builds(Failure, WORDS, WORDS, WORDS)),
    st.dictionaries(
        st.sampled_from([each.name for each in LIMITS]),
        st.lists(st.tuples(st.sampled_from(["up1.conv.0", "up1/cat", ""]), st.integers()),
                 max_size=8).map(tuple),
    ),
)  # fmt: skip
VERSIONS = {"version": "1", "torch": "2", "python": "3"}
REPORTS = st.builds(
    CheckReport,
    st.lists(CHECKED, min_size=1, max_size=3).map(tuple),
    st.sampled_from([0, 1, 2, 3]), st.just("stitch.toml"), WORDS, st.just(VERSIONS),
    st.lists(WORDS, max_size=2).map(tuple),
)  # fmt: skip


def attention(report: CheckReport, *statuses: str) -> int:
    """How many findings there are with a status: faults count by themselves."""
    count = 0
    for model, verdict in report.verdicts:
        if verdict.status in statuses:
            is_faults = verdict.name == "faults" and model.facts is not None
            count += len(model.facts.faults) if is_faults and model.facts else 1
    return count


@given(REPORTS)
@settings(max_examples=60, deadline=None)
def test_every_format_takes_anything(report: CheckReport) -> None:
    texts = {name: render(report) for name, render in CHECK_FORMATS.items()}
    loud = [s for s in STATUSES if s != "pass"]
    assert len(texts["concise"].splitlines()) == attention(report, *loud)
    document = json.loads(texts["json"])
    assert [len(each["checks"]) for each in document["models"]] == [
        len(each.verdicts) for each in report.models
    ]
    assert document["exit_code"] == report.exit_code
    log = json.loads(texts["sarif"])
    VALID.validate(log)
    assert len(log["runs"][0]["results"]) == attention(report, *loud)
    assert len(commands(texts["github"])) <= 21
    errors = [each for each in commands(texts["github"]) if each[0] == "error"]
    assert len(errors) == min(attention(report, "fail", "unmeasured"), 10)
    JUNIT.validate(texts["junit"])
    cases = ElementTree.fromstring(texts["junit"]).iter("testcase")
    assert len(list(cases)) == len(report.verdicts)
    rows = [line for line in texts["markdown"].split("\n") if line.endswith((" |", "|--:|---|"))]
    assert len(rows) >= len(report.verdicts)


def test_faults_are_told_one_by_one() -> None:
    faults = tuple(Fault("ST101", f"a{i}", f"ST101 conv2d expects {i}") for i in range(3))
    facts = Facts(Measured({}), (), (), "eval", "2", faults=faults)
    model = Checked(
        ModelCheck("m", Target("unet")), (Verdict("faults", "faults", "fail", 3),), facts
    )
    report = CheckReport((model,), 1, "stitch.toml", "m", VERSIONS)
    assert len(commands(CHECK_FORMATS["github"](report))) == 4
    for name, render in CHECK_FORMATS.items():
        # JSON has them among the model's diagnostics
        assert name == "json" or "conv2d expects 2" in render(report)


def test_a_long_report_fits_a_summary() -> None:
    verdict = Verdict("base", "base", "fail", text="x" * 2000)
    model = Checked(ModelCheck("m", Target("unet")), (verdict,) * 1000)
    text = CHECK_FORMATS["markdown"](CheckReport((model,), 1, "stitch.toml", "m", VERSIONS))
    assert MOST_BYTES - 3000 < len(text.encode()) < 1 << 20
    assert text.endswith("The rest is too long for GitHub.\n")


@pytest.mark.parametrize("id", ["unet", "a+b", "--><script>", "ü x"])
def test_a_marker_is_a_comment(id: str) -> None:
    model = Checked(ModelCheck("m", Target("unet")), (Verdict("base", "base", "pass"),))
    report = CheckReport((model,), 0, "stitch.toml", id, VERSIONS)
    first = CHECK_FORMATS["markdown"](report).splitlines()[0]
    assert first.startswith("<!-- stitch:report id=") and first.endswith(" -->")
    assert "--" not in first[4:-3] and ">" not in first[:-1]


def test_what_could_not_be_done_is_junit_too() -> None:
    text = ERRORS["junit"]("no \x00 <config>", "write one", 2, VERSIONS, "check")
    JUNIT.validate(text)
    (error,) = ElementTree.fromstring(text).iter("error")
    assert error.get("message") == "no � <config>" and error.text == "help: write one"


def example() -> CheckReport:
    """A verdict of each kind."""
    model = ModelCheck(
        "unet", Target("models/unet.py:UNet"), limits=LIMITS,
        lines={"params.max": 9, "": 4, "base": 0},
    )  # fmt: skip
    facts = Facts(
        Measured({"params": 1_865_474}), ("1x3x256x256",), ("1x2x256x256",), "eval", "2.13.0"
    )
    verdicts = (
        Verdict("base", "base", "warn", text="the baseline was measured with torch 2.12.0"),
        Verdict("faults", "faults", "pass", 0, None, 0),
        Verdict("params.max", "params", "fail", 1_865_474, 1_681_154, 1_700_000, 165_474),
        Verdict("params.max-increase", "params", "fail", 1_865_474, 1_681_154, 1_691_154, 174_320),
        Verdict("macs@up*.target", "macs@up*", "inherited", 30_000, 30_000, 20_000, 10_000,
                "beyond by 10,000 on the base too"),
        Verdict("buffers.min", "buffers", "pass", 2_570, 2_570, 3),
        Verdict("flops.exact", "flops", "unmeasured", text="it was measured on another input"),
        Verdict("output-shape", "output-shape", "pass", "1x2x256x256", None, "1x2x256x256"),
    )  # fmt: skip
    why = {"params.max": (("up1.conv.net.0", 147_456), ("up2.conv.net.0", 36_864))}
    one = Checked(model, verdicts, facts, Against("a1b2c3"), None, why, ("a note",), 0.5)
    failure = Failure("imports nothing_like_it, which is not here", "pip install it", "  net.py:1")
    other = replace(model, name="other", target=Target("other.py"))
    gone = Checked(
        other, (Verdict("params.max", "params", "unmeasured", text=failure.message),),
        failure=failure, seconds=0.25,
    )  # fmt: skip
    return CheckReport((one, gone), 2, "stitch.toml", "all", VERSIONS, ("stitch.toml is read",))


@pytest.mark.parametrize("name", CHECK_FORMATS)
def test_as_people_and_programs_see_it(name: str, snapshot: SnapshotAssertion) -> None:
    clearcache()  # other tests have a stitch.toml
    assert CHECK_FORMATS[name](example()) == snapshot


@pytest.mark.parametrize("width", [60, 80, 200])
def test_in_a_terminal(width: int, snapshot: SnapshotAssertion) -> None:
    assert as_text(lambda console: print_check(example(), console), width) == snapshot
