"""One fault per file: what it sees in a Trace, what it says, what may mend it.

A rule is a function from an Audit to Diagnostics. The fixes it offers are candidates: the
pipeline tries each one on a copy of the network and keeps those that work, best first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stitchcli.records import Audit, Diagnostic
from stitchcli.rules import (
    st100_refused,
    st101_channels,
    st102_cat,
    st103_broadcast,
    st104_features,
    st105_indivisible,
    st106_shrunk,
    st107_pattern,
    st108_misfit,
    st201_zero_sized,
    st202_never_ran,
    st203_stranger,
    st204_costs_more,
    st205_no_gradient,
    st206_nonfinite,
    st207_tied,
    st208_wide_kernel,
    st301_other_output,
    st302_uncounted,
)

Rule = Callable[[Audit], Iterator[Diagnostic]]

RULES: tuple[Rule, ...] = (
    st100_refused.check,
    st101_channels.check,
    st102_cat.check,
    st103_broadcast.check,
    st104_features.check,
    st105_indivisible.check,
    st106_shrunk.check,
    st107_pattern.check,
    st108_misfit.check,
    st201_zero_sized.check,
    st202_never_ran.check,
    st203_stranger.check,
    st204_costs_more.check,
    st205_no_gradient.check,
    st206_nonfinite.check,
    st207_tied.check,
    st208_wide_kernel.check,
    st301_other_output.check,
    st302_uncounted.check,
)


def diagnose(audit: Audit) -> tuple[Diagnostic, ...]:
    """Every diagnostic: errors in the order in which the forward met them, then the rest."""
    found = [diagnostic for rule in RULES for diagnostic in rule(audit)]
    severities = ("error", "warning", "note")
    last = len(audit.result.calls)
    return tuple(
        sorted(
            found,
            key=lambda d: (
                severities.index(d.severity),
                last if d.call is None else d.call,
                d.code == "ST100",  # what another rule says of the same call is the better word
                d.code,
            ),
        )
    )
