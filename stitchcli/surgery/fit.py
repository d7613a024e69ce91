"""Does a block take what comes by at its place? Told by running it there, on meta where it can.

Blocks are written for maps (B, C, H, W), for tokens (B, L, C) or for channels-last maps, and their
forwards are called in several ways; the first way that works is taken, and said.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from stitchcli.binding import Layout, Place
from stitchcli.errors import EditError
from stitchcli.records import Shape, Site
from stitchcli.surgery.adapted import Adapted
from stitchcli.surgery.parts import Part, Run, run
from stitchcli.tracing.containers import tensors_in
from stitchcli.tracing.devices import LightKernels, StayOn
from stitchcli.tracing.trace import device_cannot

_THREE = ({"query", "key", "value"}, {"q", "k", "v"}, {"queries", "keys", "values"})
_SIZES = {"h", "w", "height", "width", "d", "depth"}
_SIZE = set("size hw hw_shape x_size input_size img_size resolution spatial_shape shape".split())
_SKIP = set("skip residual res x_skip skip_x enc encoder low x_low lateral y identity".split())
_GATE = {"g", "gate", "gating"}
_LISTS = {"xs", "inputs", "feats", "features", "feature_maps", "tensors", "x_list"}
_SAID = {
    "tokens": "takes tokens: the map is flattened to (B, H·W, C) for it and back",
    "channels_last": "takes channels last: the axes are permuted for it and back",
    "channels_first": "takes a map (B, C, H, W): the axes are moved for it and back",
    "three": "is given the same tensor as query, key and value",
    "sizes": "is given height and width too",
    "size": "is given height and width too",
    "first": "is given the first tensor alone",
    "list": "is given its inputs as one list",
}


@dataclass(frozen=True)
class Fitted:
    """A way to run a block that works, and the shape that it gives there."""

    inner: Layout
    call: str
    order: tuple[int, ...]
    shape: Shape = ()
    several: bool = False

    def adapt(self, block: nn.Module, place: Place) -> nn.Module:
        """The block as it has to stand at the place: itself, where that is enough."""
        plain = self.order == tuple(range(len(self.order)))
        if self.inner == place.layout and not self.call and not self.several and plain:
            return block
        call = "" if self.call == "spread" else self.call
        return Adapted(block, place.layout, self.inner, call, place.aspect, self.order)

    def notes(self, place: Place) -> tuple[str, ...]:
        """What was adapted, in words."""
        said = [_SAID[self.inner]] if self.inner != place.layout else []
        said += [_SAID[self.call]] if self.call in _SAID else []
        return (*said, *(["only the first of its outputs is used"] if self.several else []))


class NeedsNumbers(Exception):
    """The block looks at values, which the meta device has not."""


def fit(
    block: nn.Module,
    place: Place,
    is_map_block: bool,
    device: torch.device,
    sites: dict[Site, None],
) -> Fitted | None:
    """How ``block`` can be run at the place; None where no way works, so that the trace tells what
    is the matter.

    ``is_map_block`` says that it takes (B, C, *spatial) and nothing else; ``sites`` gathers where
    it asks for CUDA. Raises EditError where its forward wants what nobody gives it, NeedsNumbers
    where it cannot be told on this device.
    """
    order = _order(block, place)
    found: list[Fitted] = []
    for layout in _layouts(place, is_map_block):
        for call in _calls(block, place):
            way = Fitted(layout, call, order)
            if (seen := _try(way, block, place, place.shapes, device, sites)) is not None:
                found.append(replace(way, shape=seen[0], several=seen[1]))
                if not _is_ambiguous(place):
                    return found[0]
    other = tuple(_grown(shape, place.layout) for shape in place.shapes)
    sure = [way for way in found if _try(way, block, place, other, device, sites)]
    return next(iter((*sure, *found)), None)


@contextmanager
def watched_lightly(device: str) -> Iterator[StayOn]:
    """Runs code that is only looked at: kept on ``device``, on meta without what torch's kernels
    there import at first use."""
    with ExitStack() as stack:
        stay = stack.enter_context(StayOn(device))
        if device == "meta":
            stack.enter_context(torch.device("meta"))
            stack.enter_context(LightKernels())
        yield stay


def run_quietly(
    function: Run, values: Sequence[Tensor], sites: dict[Site, None] | None = None
) -> Any:
    """Run something that is only looked at, without gradients; ``sites`` gathers where it asks for
    CUDA."""
    device = values[0].device.type if values else "cpu"
    with torch.no_grad(), watched_lightly(device) as stay:
        try:
            return function(*values)
        finally:
            if sites is not None:
                sites.update(stay.sites)


def zeros(shapes: Sequence[Shape], dtype: str, device: torch.device) -> list[Tensor]:
    """Tensors to try a block on."""
    return [torch.zeros(shape, dtype=getattr(torch, dtype), device=device) for shape in shapes]


def _try(
    way: Fitted,
    block: nn.Module,
    place: Place,
    shapes: Sequence[Shape],
    device: torch.device,
    sites: dict[Site, None],
) -> tuple[Shape, bool] | None:
    """The shape that comes out and whether it is one of several; None where it does not run."""
    module = replace(way, several=False).adapt(block, place)
    values = zeros(shapes, place.dtype, device)
    try:
        result = run_quietly(lambda *given: run(module, given, None), values, sites)
    except Exception as error:
        if device_cannot(error):
            raise NeedsNumbers from error
        return None
    tensors = tensors_in(result)
    if not tensors or (way.inner != place.layout and tensors[0].dim() != len(shapes[0])):
        return None
    return tuple(tensors[0].shape), not isinstance(result, Tensor)


def _layouts(place: Place, is_map_block: bool) -> Iterator[Layout]:
    """Layouts to try, that of the place first."""
    if not is_map_block or place.layout == "channels_first":
        yield place.layout
    rank = len(place.shapes[0])
    others: tuple[Layout, ...] = ("channels_first", "tokens", "channels_last")
    for each in others if rank > 2 else ():
        if each != place.layout and not (is_map_block and each != "channels_first"):
            yield each


def _is_ambiguous(place: Place) -> bool:
    """Where a spatial size is the width too, a block for another layout may run by accident."""
    return place.in_channels in place.size


def _grown(shape: Shape, layout: Layout) -> Shape:
    """A shape with other spatial sizes."""
    if layout == "channels_first":
        return (*shape[:2], *(size * 2 for size in shape[2:]))
    return (shape[0], *(size * 2 for size in shape[1:-1]), shape[-1])


def _calls(block: nn.Module, place: Place) -> tuple[str, ...]:
    """How the forward may be called with the tensors of the place: see Adapted."""
    count = len(place.shapes)
    try:
        forward = inspect.signature(block.forward)
    except (TypeError, ValueError):
        return ("",)
    if isinstance(block, Part):
        return ("",)
    if len(place.given) == count and _takes(forward, place.given):
        return ("",)
    required = [
        parameter
        for parameter in forward.parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]
    names = [parameter.name.lower() for parameter in required]
    if _takes(forward, ("",) * count):
        return ("spread",)
    if len(names) == 3 and set(names) in _THREE:
        return ("three",)
    if len(names) > 1 and set(names[1:]) <= _SIZES and len(names) - 1 == len(place.size):
        return ("sizes",)
    if len(names) == 2 and names[1] in _SIZE:
        return ("size",)
    if len(names) == 1 and count > 1:
        as_list = names[0] in _LISTS or "list" in str(required[0].annotation).lower()
        return ("list", "first") if as_list else ("first", "list")
    kind = type(block).__name__
    raise EditError(
        f"block {kind!r} at {place.path or 'the root'}: its forward takes "
        f"({', '.join(names)}), and {count} {'tensor comes' if count == 1 else 'tensors come'} by",
        "give a block that takes what comes by, or a module of your own around this one",
    )


def _takes(forward: inspect.Signature, given: Sequence[str]) -> bool:
    try:
        forward.bind(*(None for name in given if not name), **{n: None for n in given if n})
    except TypeError:
        return False
    return True


def _order(block: nn.Module, place: Place) -> tuple[int, ...]:
    """Which of two tensors a forward takes first: its parameters' names tell the main branch from
    the skip connection, the trace which of the tensors is which."""
    count = len(place.shapes)
    try:
        names = [name.lower() for name in inspect.signature(block.forward).parameters][:2]
    except (TypeError, ValueError):
        names = []
    if count != 2 or len(names) != 2:
        return tuple(range(count))
    main = place.main
    if names[1] in _SKIP - {names[0]} or names[0] in _GATE:
        return (main, 1 - main)
    if names[0] in _SKIP or names[1] in _GATE:
        return (1 - main, main)
    return (0, 1)
