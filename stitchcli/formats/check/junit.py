"""``--format junit``: JUnit XML, a suite a model and a case a check.

What could not be measured is an error, what is over a failure; warnings pass, and say so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from stitchcli.formats.check.words import failure_lines, line_of, sentence, why_text
from stitchcli.records import Checked, CheckReport, Verdict
from stitchcli.records.checked import FAULTS

if TYPE_CHECKING:
    from junitparser import JUnitXml, TestCase

#: What XML 1.0 cannot hold.
_CONTROLS = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(report: CheckReport) -> str:
    """The whole report as one document."""
    from junitparser import TestSuite

    document = _new()
    for model in report.models:
        suite = TestSuite(_clean(model.model.name))
        for index, verdict in enumerate(model.verdicts):
            case = _case(report, model, verdict)
            case.time = 0 if index else round(model.seconds, 3)  # one forward for all of them
            suite.add_testcase(case)
        document.add_testsuite(suite)
    return _text(document)


def render_junit_error(
    message: str, help: str, exit_code: int, versions: Mapping[str, str | None], command: str
) -> str:
    """The document that stands for a report which could not be made."""
    from junitparser import Error, TestCase, TestSuite

    name = f"stitch {command}"
    suite, case = TestSuite(name), TestCase(name, classname=name, time=0)
    error = Error(_clean(message), "error")
    error.text = _clean(f"help: {help}" if help else message)
    case.result = [error]
    suite.add_testcase(case)
    document = _new()
    document.add_testsuite(suite)
    return _text(document)


def _new() -> JUnitXml:
    from junitparser import JUnitXml

    return JUnitXml("stitch")


def _text(document: JUnitXml) -> str:
    text: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return text.decode("utf-8") + "\n"


def _case(report: CheckReport, model: Checked, verdict: Verdict) -> TestCase:
    from junitparser import Error, Failure, TestCase

    file, line = line_of(report, model, verdict)
    case = TestCase(_clean(verdict.name), classname=_clean(f"{file}::{model.model.name}"))
    text = _clean(sentence(model, verdict))
    reasons = why_text(model, verdict)
    faults = model.facts.faults if model.facts and verdict.name == FAULTS else ()
    lines = [text for fault in faults for text in (fault.line, *fault.details)]
    lines += [*failure_lines(model), f"why: {reasons}" if reasons else "", f"see {file}:{line}"]
    details = _clean("\n".join(filter(None, lines)))
    match verdict.status:
        case "fail":
            found = Failure(text, "budget")
            found.text = details
            case.result = [found]
        case "unmeasured":
            error = Error(text, "unmeasured")
            error.text = details
            case.result = [error]
        case "warn" | "inherited":
            case.system_out = "\n".join(filter(None, (f"{verdict.status}: {text}", details)))
    return case


def _clean(text: str) -> str:
    return _CONTROLS.sub("�", text)
