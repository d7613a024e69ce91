"""Every frozen record that flows through stitch. Standard library only.

A record is complete when it is made; each stage of the pipeline is a function from
records to records. The files stand in the order of the pipeline; each is imported when one of its
records is asked for, since making the classes takes a quarter of what a small command does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stitchcli.records.asked import *
    from stitchcli.records.checked import *
    from stitchcli.records.compared import *
    from stitchcli.records.held import *
    from stitchcli.records.said import *
    from stitchcli.records.seen import *

_FILES = {
    "asked": """
        Block BlockSpec ClassName Condition Edit Formula Insert Itself Keep Matched Merge
        Operator Parallel Remove Replace Residual Resized Selector Series Set Shape Target
        TensorSpec Word WordKind Wrap
    """,
    "seen": """
        Backward Call CallKey Layer Misbuilt NonFinite Problem Ref Site Stranger Trace Weight
    """,
    "said": """
        COLUMNS Amount Applied Audit Built Change Check Column Diagnostic Fix Fixed Label
        Misfit Mismatch Patch PeerCount Reason Report Severity Stage Timing Verification
    """,
    "compared": """
        Behaviour Checkpoint Diff Difference DifferenceKind Fate Part Renamed Tensor
    """,
    "held": """
        METRICS Grade Level Limit LimitKind Measured Slack Status Verdict
    """,
    "checked": """
        Against Checked CheckReport Facts Failure Fault ModelCheck Moved Outcome Own
    """,
}
_FILE_OF = {name: file for file, names in _FILES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _FILE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_FILE_OF[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted(_FILE_OF)
