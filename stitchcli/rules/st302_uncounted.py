"""ST302: operations that ran and have no cost formula, so that the total is a lower bound.

They ran, and what they compute is not among the MACs and FLOPs of the report. Norms, activations
and pooling are no such operations: they count as none by definition.

Severity: note

Why: a count that leaves out an operation in silence looks like a smaller network. What was left
out is named here, with how often it ran and what share of all operations that is.

Example:

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 8)

        def forward(self, x):
            x = self.fc(x)
            return torch.linalg.inv(x.transpose(1, 2) @ x)

    $ stitch inspect model.py --input 1x32x16
    note[ST302]: no cost formula for linalg_inv_ex (1×), 7.7% of 13 operations: MACs and FLOPs

Fix: nothing is wrong with the network. Add by hand what the operations cost when you quote the
total, or leave the note out with `--ignore ST302`.
"""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Diagnostic


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One note for all of them."""
    uncounted = audit.result.uncounted
    if not uncounted:
        return
    names = ", ".join(f"{op} ({calls}×)" for op, calls in uncounted)
    count, all = sum(calls for _, calls in uncounted), audit.result.operations
    share = f", {_percent(count, all)} of {all:,} operations" if all else ""
    before = dict(audit.base.uncounted) if audit.edited else {}
    new = [op for op, _ in uncounted if op not in before] if audit.edited else []
    yield Diagnostic(
        code="ST302",
        severity="note",
        path="",
        title=f"no cost formula for {names}{share}: MACs and FLOPs are a lower bound",
        notes=(f"not in the network before the edits: {', '.join(new)}",) if new else (),
    )


def _percent(count: int, all: int) -> str:
    return "100%" if count == all else f"{min(100 * count / all, 99):.2g}%"
