"""The cross-check: what other tools count in the same network, and why that differs."""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import PeerCount, Reason, Report
from stitchcli.words.amounts import format_amount, format_change


def peer_rows(report: Report) -> Iterator[tuple[str, str, str]]:
    """Tool, parameters and MACs, our own first."""
    ours = report.result
    yield "stitch", f"{ours.params:,}", format_amount(ours.macs)
    for peer in report.peers:
        name = f"{peer.tool} {peer.version}"
        if peer.params is None or peer.macs is None:
            yield name, "failed", "failed"
            continue
        params = _beside(f"{peer.params:,}", ours.params, peer.params)
        yield name, params, _beside(format_amount(peer.macs), ours.macs, peer.macs)


def peer_lines(report: Report) -> Iterator[str]:
    """Every reason with its amount; or why a tool failed."""
    for peer in report.peers:
        if peer.error:
            yield f"{peer.tool} failed: {peer.error}"
        for unit, reasons in _by_unit(peer):
            yield from (f"{peer.tool}: {_reason_text(each, unit)}" for each in reasons)


def _by_unit(peer: PeerCount) -> tuple[tuple[str, tuple[Reason, ...]], ...]:
    return ("parameters", peer.params_because), ("MACs", peer.macs_because)


def _reason_text(reason: Reason, unit: str) -> str:
    sign = "+" if reason.amount > 0 else "−"
    where = ""
    if reason.places and reason.places[0]:
        more = len(reason.places) - 1
        where = f" ({reason.places[0]}{f' and {more} more' if more else ''})"
    return f"{sign}{format_amount(abs(reason.amount))} {unit}: {reason.why}{where}"


def _beside(text: str, ours: int, theirs: int) -> str:
    change = format_change(ours, theirs)
    return f"{text} ({change})" if change else text
