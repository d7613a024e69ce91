"""Layers that slide a kernel: with which argument another size would come out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stitchcli.records import Call, Fix, Layer, Shape
from stitchcli.rules.widths import set_one
from stitchcli.words.values import collapse

#: How much larger than it is an argument is tried.
_MORE = {"kernel_size": 8, "padding": 8, "stride": 8, "output_padding": 2}
_TITLES = {
    "kernel_size": "another kernel", "padding": "other padding", "stride": "another stride",
    "output_padding": "the missing row",
}  # fmt: skip
_DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1, "output_padding": 0, "kernel_size": 1}


def otherwise(call: Call, layer: Layer, wanted: Shape) -> Iterator[Fix]:
    """A sliding layer with one argument changed so that its output has the wanted size."""
    came = call.inputs[0].shape[2:] if call.inputs else ()
    if len(came) != len(wanted) or not came or min(wanted) < 1:
        return
    now = _Sliding.of(layer, len(came))
    for name in sorted(_TITLES, key=lambda each: now.is_bare and each != "padding"):
        if name not in layer.attributes or (name == "output_padding" and not now.transposed):
            continue
        sizes = enumerate(zip(came, wanted, strict=True))
        found = [now.solved(axis, name, size, goal) for axis, (size, goal) in sizes]
        values = tuple(value for value in found if value is not None)
        if len(values) == len(found) and values != now.values(name):
            edit = set_one(layer, name, collapse(values))
            yield Fix(f"{_TITLES[name]} in {layer.path}", (edit,))


@dataclass(frozen=True)
class _Sliding:
    """What decides the size that a convolution or a pooling gives, for each axis."""

    kernel_size: Shape
    stride: Shape
    padding: Shape
    dilation: Shape
    output_padding: Shape
    transposed: bool

    @staticmethod
    def of(layer: Layer, count: int) -> _Sliding:
        """The arguments of a layer."""
        names = ("kernel_size", "stride", "padding", "dilation", "output_padding")
        parts = {name: each_axis(layer, name, count) for name in names}
        return _Sliding(**parts, transposed=bool(layer.attributes.get("transposed")))

    @property
    def is_bare(self) -> bool:
        """An odd kernel without padding: what was forgotten is the padding."""
        return not any(self.padding) and all(k % 2 and k > 1 for k in self.kernel_size)

    def values(self, name: str) -> Shape:
        """One of them by its name."""
        found: Shape = getattr(self, name)
        return found

    def solved(self, axis: int, name: str, came: int, wanted: int) -> int | None:
        """The value of an argument, nearest to what it is, with which ``wanted`` comes out."""
        now = self.values(name)[axis]
        values = range(0 if "padding" in name else 1, now + _MORE[name] + 1)
        near = sorted(values, key=lambda value: abs(value - now))
        return next((v for v in near if self._size(axis, came, name, v) == wanted), None)

    def _size(self, axis: int, came: int, name: str, value: int) -> int:
        """What comes out with one argument changed."""
        now = {each: self.values(each)[axis] for each in _DEFAULTS} | {name: value}
        reach = now["dilation"] * (now["kernel_size"] - 1) + 1
        if self.transposed:
            more = now["output_padding"] - 2 * now["padding"]
            return (came - 1) * now["stride"] + reach + more
        return (came + 2 * now["padding"] - reach) // now["stride"] + 1


def each_axis(layer: Layer, name: str, count: int) -> Shape:
    """One value for each axis."""
    value = layer.attributes.get(name, _DEFAULTS[name])
    if value is None and name == "stride":
        value = layer.attributes.get("kernel_size", 1)
    if isinstance(value, tuple) and len(value) == count:
        return tuple(v if isinstance(v, int) else _DEFAULTS[name] for v in value)
    return (value if isinstance(value, int) else _DEFAULTS[name],) * count
