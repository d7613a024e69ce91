"""ST100: an op refuses its operands, for a reason that no other rule explains.

What torch said is the title. The forward could not be continued, so nothing after this place was
looked at, and there may be more faults behind it.

Severity: error

Why: torch's own message names the op and not the layer. Here the layer, the line that built it,
the line that called it and the shapes that it was given stand together.

Example:

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1)
            self.mix = nn.Parameter(torch.eye(6))

        def forward(self, x):
            return torch.einsum("bchw,cd->bdhw", self.conv(x), self.mix)

    $ stitch inspect model.py --input 1x3x32x32
    error[ST100]: einsum refuses its operands

Fix: compare the shapes in the report with what the op's documentation asks for. Other sizes of the
input are tried, and offered where one of them runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Diagnostic, Problem
from stitchcli.rules.common import from_problem, problems
from stitchcli.rules.inputs import larger_inputs, other_inputs
from stitchcli.words.shapes import format_shape


def check(audit: Audit) -> Iterator[Diagnostic]:
    """The forward stops here, so what comes after it was not looked at."""
    trace = audit.result
    for problem in problems(audit, "refused"):
        shapes = ", ".join(format_shape(ref.shape) for ref in problem.operands[:4])
        yield from_problem(
            trace,
            problem,
            "ST100",
            _title(problem),
            f"given {shapes}" if shapes else "called here",
            built_label="built here",
            notes=("the forward stops here; what comes after it was not seen",),
            fixes=(*other_inputs(trace), *larger_inputs(trace)),
        )


def _title(problem: Problem) -> str:
    if problem.op == "__getattr__":  # it is the network's own code that asks for it
        return f"the forward fails: {problem.text}"
    if problem.op.strip("_") == "assert":
        return f"the forward's own check fails: {problem.text}"
    return f"{problem.op} refuses its operands: {problem.text}"
