"""The nine published counts, each with the flags that make it: ``make numbers`` prints them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from stitchcli import inspect


@dataclass(frozen=True)
class Published:
    """A built-in network, flags, and the count that was published for it."""

    network: str
    edits: tuple[str, ...]
    params: int

    @property
    def command(self) -> str:
        """What to type."""
        return " ".join(("stitch inspect", self.network, *self.edits))


def _layer(sizes: str) -> str:
    """A convolution, norm and ReLU, as part of a call expression."""
    return f"Conv2d({sizes}), BatchNorm2d({sizes.split(', ')[1]}), ReLU()"


def _pair(width: str, groups: str = "") -> str:
    """A 1×3 and a 3×1 convolution with a norm behind each, and ReLU."""
    rest = f", groups={groups}" if groups else ""
    row, column = (f"Conv2d({width}, {width}, {k}{rest})" for k in ("(1, 3)", "(3, 1)"))
    return f"{row}, BatchNorm2d({width}), {column}, BatchNorm2d({width}), ReLU()"


def _down(*parts: str) -> str:
    return f"--replace 'down_sample*=series({', '.join(parts)})'"


def _up(*parts: str) -> str:
    return f"--replace 'up_conv*=series({', '.join(parts)})'"


_DEPTHWISE = "--replace conv=dwconv"
_MSCA = "--after 'down*=msca'"
_FIRST, _NARROW, _PLAIN = (_layer(s) for s in ("cin, cin, 3", "cin, cout, 1", "cout, cout, 3"))
_GROUPED = _layer("cout, cout, 3, groups=4")
_GROUPED_NARROW = _layer("cin, cout, 1, groups=4")

#: The ladder of the unpadded U-Net: each step has the flags of its own down and up block.
_LADDER: tuple[tuple[int, tuple[str, ...]], ...] = (
    (31_155_586, ()),
    (28_719_900, (_down(_FIRST, _NARROW, _PLAIN),)),
    (26_285_660, (_down(_FIRST, _NARROW, _PLAIN), _up(_NARROW, _PLAIN, _PLAIN))),
    (
        11_635_292,
        (_down(_FIRST, _NARROW, _GROUPED), _up(_GROUPED_NARROW, _GROUPED, _GROUPED)),
    ),
    (
        9_035_594,
        (
            _down(_pair("cin"), _NARROW, _pair("cout", "4")),
            _up(_GROUPED_NARROW, _pair("cout", "4"), _pair("cout", "4")),
        ),
    ),
    (
        5_919_434,
        (
            _down(_pair("cin"), _NARROW, _pair("cout", "cout")),
            _up(_GROUPED_NARROW, _pair("cout", "cout"), _pair("cout", "cout")),
        ),
    ),
)

PUBLISHED = (
    Published("unet", (), 13_395_394),
    Published("unet", (_DEPTHWISE,), 1_538_971),
    Published("unet", (_DEPTHWISE, _MSCA), 3_516_699),
    *(Published("unet-valid", edits, params) for params, edits in _LADDER),
)


def main(table: Sequence[Published] = PUBLISHED) -> int:
    """Print the flags, the count and the published count of each; 1 if one differs."""
    wrong = 0
    for each in table:
        counted = inspect(each.network, each.edits, device="meta").result.params
        wrong += counted != each.params
        verdict = "equal" if counted == each.params else "DIFFERS"
        print(each.command)
        print(f"    counted {counted:>10,}   published {each.params:>10,}   {verdict}\n")
    print(f"{len(table) - wrong} of {len(table)} counts are as published")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
