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
    """``1 budget exceeded, 2 warnings``; how many passed, where all did."""
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
    if not report.verdicts:
        return "nothing was checked"
    if not said:
        return f"all {passed} checks passed" if passed > 1 else f"{passed} check passed"
    return ", ".join(said)


def limit_of(model: Checked, verdict: Verdict) -> Limit | None:
    """The limit that a verdict is about, if it is about one."""
    return next((each for each in model.model.limits if each.name == verdict.name), None)


def limit_text(model: Checked, verdict: Verdict) -> str:
    """What is allowed, as ``1,700,000``, ``≥ 3`` or ``+2% or +10,000``."""
    limit = limit_of(model, verdict)
    if limit is None:
        return value_text(verdict.bound) if verdict.bound is not None else ""
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
    if not isinstance(verdict.actual, int) or not isinstance(verdict.base, int):
        return ""
    if verdict.actual == verdict.base:
        return "0"
    change = format_change(verdict.base, verdict.actual)
    return f"{format_delta(verdict.actual - verdict.base)} ({change})"


def value_text(value: int | str | None) -> str:
    """An exact count, or a shape; a dash where there is none."""
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else value


def sentence(model: Checked, verdict: Verdict) -> str:
    """All of a verdict in one sentence."""
    limit = limit_of(model, verdict)
    if limit is None or verdict.status == "unmeasured" or not isinstance(verdict.actual, int):
        return f"{verdict.name}: {verdict.text}"
    parts = [f"{verdict.metric} is {value_text(verdict.actual)}"]
    if verdict.over > 0 and isinstance(verdict.bound, int):
        side = "over" if verdict.actual > verdict.bound else "under"
        parts.append(f"{verdict.over:,} {side} the limit of {verdict.bound:,}")
    if verdict.base is not None:
        delta, label = delta_text(verdict), model.against.label if model.against else "base"
        same = f"the same as {label}"
        parts.append(f"{delta} since {label}" if verdict.base != verdict.actual else same)
    return ", ".join([*parts, verdict.text] if verdict.text else parts)


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
    """Where the module is built that accounts for most, or one around it, where that is the user's
    source: on a line that changed, if there is one."""
    facts = model.facts
    if facts is None or not moved(model, verdict):
        return None
    paths = [outer for path, _ in model.why.get(verdict.name, ()) for outer in _outwards(path)]
    sites = [facts.built[path] for path in paths if path in facts.built]
    changed = model.against.changed_lines if model.against else {}
    new = (each for each in sites if any(each.line in x for x in changed.get(each.file, ())))
    return next(new, sites[0] if sites else None)


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
