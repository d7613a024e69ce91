"""Two traces → what one network has that the other has not."""

from stitchcli.comparing.compare import Comparison, compare

__all__ = ["Comparison", "compare"]
