"""What the formats of ``stitch check`` share: the headline, the rows, sentences, places."""

from __future__ import annotations

from collections.abc import Iterable

from stitchcli.formats.words import short_path
from stitchcli.records import Checked, CheckReport, Limit, Site, Slack, Status, Verdict
from stitchcli.words.amounts import format_change, format_delta

#: How a status is written.
SHOWN: dict[Status, str] = {
    "pass": "pass",
    "warn": "WARN",
    "fail": "FAIL",
    "inherited": "INHERITED",
    "unmeasured": "NOT MEASURED",
}
#: What is to be told of first.
WORST_FIRST: tuple[Status, ...] = ("unmeasured", "fail", "warn", "inherited", "pass")
_MOST_REASONS = 5


def headline(report: CheckReport) -> str:
    """``1 budget exceeded, 2 warnings``."""
    failed = report.with_status("fail")
    over = sum(limit_of(model, verdict) is not None for model, verdict in failed)
    counts = [
        (over, "budget exceeded", "budgets exceeded"),
        (len(failed) - over, "check failed", "checks failed"),
        (len(report.with_status("unmeasured")), "check not measured", "checks not measured"),
        (len(report.with_status("warn")), "warning", "warnings"),
        (len(report.with_status("inherited")), "inherited", "inherited"),
    ]
    said = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    passed = len(report.with_status("pass"))
    if not said:
        return f"all {passed} checks passed" if passed > 1 else f"{passed} check passed"
    return ", ".join(said) + (f"; {passed} passed" if passed else "")


def limit_of(model: Checked, verdict: Verdict) -> Limit | None:
    """The limit that a verdict is about, if it is about one."""
    return next((each for each in model.model.limits if each.name == verdict.name), None)


def limit_text(model: Checked, verdict: Verdict) -> str:
    """What is allowed, as ``1,700,000``, ``≥ 3`` or ``+2% or +10,000``."""
    limit = limit_of(model, verdict)
    if limit is None:
        return f"{verdict.bound:,}" if verdict.bound is not None else ""
    match limit.kind:
        case "max":
            return f"{limit.value:,}"
        case "min":
            return f"≥ {limit.value:,}"
        case "exact":
            return f"= {limit.value:,}"
        case "target":
            return f"{limit.value:,} ± {_slack(limit.slack, '') or 0}"
        case "max-increase":
            return _slack(limit.slack, "+")


def _slack(slack: Slack, sign: str) -> str:
    parts = []
    if slack.relative is not None:
        parts.append(f"{sign}{float(100 * slack.relative):g}%")
    if slack.absolute is not None:
        parts.append(f"{sign}{slack.absolute:,}")
    return " or ".join(parts)


def delta_text(verdict: Verdict) -> str:
    """``+184,320 (+11.0%)``; empty without a base."""
    if verdict.actual is None or verdict.base is None:
        return ""
    if verdict.actual == verdict.base:
        return "0"
    change = format_change(verdict.base, verdict.actual)
    return f"{format_delta(verdict.actual - verdict.base)} ({change})"


def count_text(count: int | None) -> str:
    """An exact count; a dash where there is none."""
    return "–" if count is None else f"{count:,}"


def sentence(model: Checked, verdict: Verdict) -> str:
    """All of a verdict in one sentence."""
    if verdict.text and (verdict.actual is None or limit_of(model, verdict) is None):
        return f"{verdict.name}: {verdict.text}"
    text = f"{verdict.metric} is {count_text(verdict.actual)}"
    limit = limit_of(model, verdict)
    if verdict.over > 0 and limit is not None:
        bound = verdict.bound if verdict.bound is not None else 0
        side = "over" if (verdict.actual or 0) > bound else "under"
        text += f", {verdict.over:,} {side} what {limit.kind} allows ({count_text(bound)})"
    if delta := delta_text(verdict):
        label = model.against.label if model.against else "base"
        text += f"; {label} has {count_text(verdict.base)}, {delta}"
    return f"{text}; {verdict.text}" if verdict.text else text


def why_text(model: Checked, verdict: Verdict, quote: str = "") -> str:
    """``up1.conv +147,456 · up2.conv +36,864``: what moved; what is largest, without a base."""
    parts = model.why.get(verdict.name, ())
    shown = [
        f"{quote}{path or model.model.name}{quote} {_part(model, verdict, count)}"
        for path, count in parts[:_MOST_REASONS]
    ]
    rest = parts[_MOST_REASONS:]
    if rest:
        shown.append(f"{len(rest)} more {_part(model, verdict, sum(count for _, count in rest))}")
    return " · ".join(shown)


def _part(model: Checked, verdict: Verdict, count: int) -> str:
    return format_delta(count) if moved(model, verdict) else f"{count:,}"


def moved(model: Checked, verdict: Verdict) -> bool:
    """Whether the reasons are of a change, or, without a base, of the whole."""
    return verdict.base is not None


def why_title(model: Checked, verdict: Verdict) -> str:
    """What stands before the reasons."""
    return "Why" if moved(model, verdict) else "Largest"


def site_of(model: Checked, verdict: Verdict) -> Site | None:
    """The line that builds the module that accounts for most, where it is the user's; that of the
    first fault."""
    facts = model.facts
    if facts is None:
        return None
    if verdict.name == "faults":
        return next((fault.site for fault in facts.faults if fault.site), None)
    for path, _ in model.why.get(verdict.name, ()) if moved(model, verdict) else ():
        for outer in _outwards(path):
            if outer in facts.built:
                return facts.built[outer]
    return None


def _outwards(path: str) -> Iterable[str]:
    """A path and the modules around it, but for the root."""
    owner = path.partition("/")[0]
    while owner:
        yield owner
        owner = owner.rpartition(".")[0]


def line_of(report: CheckReport, model: Checked, verdict: Verdict) -> tuple[str, int]:
    """The file and line of the settings that a verdict is about."""
    lines = model.model.lines
    return report.file, lines.get(verdict.name) or lines.get("") or 1


def place(report: CheckReport, model: Checked, verdict: Verdict) -> str:
    """``path:line``: where to look."""
    site = site_of(model, verdict)
    if site is not None:
        return f"{short_path(site.file)}:{site.line}"
    return "{}:{}".format(*line_of(report, model, verdict))


def base_label(report: CheckReport) -> str:
    """What all models are compared with; empty where that differs, or is nothing."""
    labels = {model.against.label for model in report.models if model.against is not None}
    return labels.pop() if len(labels) == 1 else ""


def ordered(report: CheckReport) -> list[tuple[Checked, Verdict]]:
    """The worst first."""
    return sorted(report.verdicts, key=lambda each: WORST_FIRST.index(each[1].status))


def failure_lines(model: Checked) -> list[str]:
    """Why a model could not be measured."""
    failure = model.failure
    if failure is None:
        return []
    lines = [f"{model.model.name} could not be measured: {failure.message}"]
    lines += failure.details.splitlines()
    return [*lines, f"help: {failure.help}"] if failure.help else lines
