"""ST100: an op refused its operands, for a reason that no other rule explains."""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Diagnostic
from stitchcli.rules.common import from_problem, problems
from stitchcli.rules.sizes import larger_inputs, other_inputs
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
            f"{problem.op} refuses its operands: {problem.text}",
            f"given {shapes}" if shapes else "called here",
            built_label="built here",
            notes=("the forward stops here; what comes after it was not seen",),
            fixes=(*other_inputs(trace), *larger_inputs(trace)),
        )
