"""Shape and parameter audit for neural networks that are stitched together from blocks.

from stitchcli import assert_budget, diff, inspect, stitch
report = inspect("unet", ["--replace conv=dwconv"])
network = stitch(my_unet, ["--replace conv=dwconv", "--after 'down*=msca'"])
changes = diff("unet", network).changes
assert_budget(network, params="1.7M")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from stitchcli.api import diff, inspect, stitch
    from stitchcli.assertions import assert_budget
    from stitchcli.errors import StitchError

__all__ = ["StitchError", "__version__", "assert_budget", "diff", "inspect", "stitch"]


def __getattr__(name: str) -> object:
    """What imports torch is fetched only when it is asked for."""
    if name in ("diff", "inspect", "stitch"):
        from stitchcli import api

        return getattr(api, name)
    if name == "assert_budget":
        from stitchcli.assertions import assert_budget

        return assert_budget
    if name == "StitchError":
        from stitchcli.errors import StitchError

        return StitchError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
