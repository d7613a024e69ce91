"""Which modules' counts moved, for each check that did not just pass."""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import METRICS, Against, Facts, Own, Verdict

Parts = tuple[tuple[str, int], ...]


def why(verdict: Verdict, head: Facts | None, against: Against | None) -> Parts:
    """Paths and by how much each moved a metric, the largest first; without a base, the modules
    that cost most. Empty for a check that passed, and for what is no metric."""
    if head is None or verdict.status not in ("fail", "warn", "inherited"):
        return ()
    metric, at, _ = verdict.metric.partition("@")
    if metric not in METRICS:
        return ()
    within = head.subtrees.get(verdict.metric, ()) if at else ("",)
    found = _moved(metric, head, against)
    parts = [(path, count) for path, count in found if count and _is_in(path, within)]
    return tuple(sorted(parts, key=lambda part: (-abs(part[1]), part[0])))


def _moved(metric: str, head: Facts, against: Against | None) -> Iterator[tuple[str, int]]:
    if (
        against is not None
        and against.changes is not None
        and metric not in ("trainable", "buffers")
    ):
        for each in against.changes:
            yield each.path, each.params if metric == "params" else each.macs * _factor(metric)
        return
    base = against.facts.modules if against is not None and against.facts is not None else {}
    for path in {**base, **head.modules}:
        change = _own(head.modules.get(path), metric) - _own(base.get(path), metric)
        yield path, change


def _own(own: Own | None, metric: str) -> int:
    name = "macs" if metric == "flops" else metric
    count: int = getattr(own or Own(), name)
    return count * _factor(metric)


def _factor(metric: str) -> int:
    return 2 if metric == "flops" else 1


def _is_in(path: str, outer: tuple[str, ...]) -> bool:
    return any(not each or path == each or path.startswith(f"{each}.") for each in outer)
