"""ST105: groups or heads do not divide the channels that they are to share.

The layer cannot be built at all: a convolution splits its input and output channels into `groups`
equal parts, a group norm its channels, an attention layer its features into heads. The audit goes
on with the nearest number that divides, so that faults behind it are seen in the same run.

Severity: error

Why: the network cannot be constructed, and the traceback shows the constructor of the layer, not
the place where the number was chosen.

Example:

    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 48, 3, padding=1)
            self.mix = nn.Conv2d(48, 48, 3, padding=1, groups=32)

        def forward(self, x):
            return self.mix(self.stem(x))

    $ stitch inspect model.py --input 1x3x32x32
    error[ST105]: groups=32 does not divide 48 (in_channels)

Fix: take a number that divides: as many groups as there are channels (a depthwise convolution), or
the greatest common divisor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import gcd

from stitchcli.records import (
    Applied,
    Audit,
    BlockSpec,
    Diagnostic,
    Edit,
    Fix,
    Insert,
    Label,
    Layer,
    Misbuilt,
    Mismatch,
    Replace,
    Set,
)
from stitchcli.rules.widths import set_one
from stitchcli.words.edits import print_edit


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each layer that could not be built as it is written."""
    for each in audit.result.misbuilt:
        yield _say(each, audit.result.layers[each.path], audit)


def _say(each: Misbuilt, layer: Layer, audit: Audit) -> Diagnostic:
    divisors = [n for n in range(1, each.width + 1) if each.width % n == 0]
    shown = [str(n) for n in divisors if n <= 64 or n == each.width]
    edit = next((item.edit for item in audit.applied if _made_by(item, each)), None)
    notes: tuple[str, ...] = (f"{each.width} divides by {' '.join(shown)}",)
    if each.used != each.given:
        notes = (*notes, f"the rest was looked at with {each.argument}={each.used}")
    return Diagnostic(
        code="ST105",
        severity="error",
        path=each.path,
        title=f"{each.argument}={each.given} does not divide {each.width} ({each.of})",
        phase="build",
        primary=Label(layer.built, str(each.given)) if layer.built and edit is None else None,
        op=layer.kind,
        mismatch=Mismatch(None, each.width, each.given),
        notes=(f"in {print_edit(edit)}", *notes) if edit else notes,
        fixes=tuple(_fixes(each, layer, edit)),
        call=0,
        argument=each.argument,
    )


def _made_by(item: Applied, each: Misbuilt) -> bool:
    """Whether it was an edit that gave the number."""
    if isinstance(item.edit, Set):
        return item.edit.attribute in (each.argument, each.of) and each.path in item.matched
    paths = (built.path for built in item.built)
    return any(each.path == path or each.path.startswith(f"{path}.") for path in paths)


def _fixes(each: Misbuilt, layer: Layer, edit: Edit | None) -> Iterator[Fix]:
    for number, title in _numbers(each, layer):
        match edit:
            case None:
                yield Fix(title, (set_one(layer, each.argument, number),))
            case Set(attribute=name) if name == each.argument:
                yield Fix(title, (replace(edit, value=number),), instead=(edit,))
            case Set():
                yield Fix(title, (edit, replace(edit, attribute=each.argument, value=number)),
                          instead=(edit,))  # fmt: skip
            case Replace(block=BlockSpec() as block) | Insert(block=BlockSpec() as block):
                given = tuple((n, number if v == each.given else v) for n, v in block.arguments)
                block = replace(block, arguments=given)
                yield Fix(title, (replace(edit, block=block),), instead=(edit,))


def _numbers(each: Misbuilt, layer: Layer) -> Iterator[tuple[int, str]]:
    """What would divide, the likeliest first."""
    widths = [
        layer.attributes[name]
        for name in ("in_channels", "out_channels", "num_channels", "embed_dim")
        if name in layer.attributes
    ]
    common = gcd(*widths) if widths else each.width
    depthwise = len(widths) > 1 and widths[1] % widths[0] == 0
    named = f"{each.argument}={widths[0]}, one for each channel" if depthwise else ""
    if depthwise and 2 * each.given > widths[0]:
        yield widths[0], named
    fitting = [n for n in range(1, common + 1) if common % n == 0]
    nearest = sorted(fitting, key=lambda n: (abs(n - each.given), n))
    # what both share is nearest in meaning, unless that is nothing
    shared = gcd(each.given, common)
    for number in (*((shared,) if shared > 1 else ()), *nearest[:2], 1):
        yield number, f"{each.argument}={number}"
    if depthwise:
        yield widths[0], named
