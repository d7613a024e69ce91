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
from math import gcd

from stitchcli.records import Audit, Diagnostic, Fix, Label, Layer, Misbuilt, Mismatch
from stitchcli.rules.widths import set_one


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each layer that could not be built as it is written."""
    for each in audit.result.misbuilt:
        yield _say(each, audit.result.layers[each.path])


def _say(each: Misbuilt, layer: Layer) -> Diagnostic:
    divisors = [n for n in range(1, each.width + 1) if each.width % n == 0]
    shown = [str(n) for n in divisors if n <= 64 or n == each.width]
    return Diagnostic(
        code="ST105",
        severity="error",
        path=each.path,
        title=f"{each.argument}={each.given} does not divide {each.width} ({each.of})",
        phase="build",
        primary=Label(layer.built, str(each.given)) if layer.built else None,
        op=layer.kind,
        mismatch=Mismatch(None, each.width, each.given),
        notes=(
            f"{each.width} divides by {' '.join(shown)}",
            f"the rest was looked at with {each.argument}={each.used}",
        ),
        fixes=tuple(_fixes(each, layer)),
        call=0,
        argument=each.argument,
    )


def _fixes(each: Misbuilt, layer: Layer) -> Iterator[Fix]:
    widths = [
        layer.attributes[name]
        for name in ("in_channels", "out_channels", "num_channels", "embed_dim")
        if name in layer.attributes
    ]
    common = gcd(*widths)
    if len(widths) > 1 and widths[1] % widths[0] == 0:
        edit = set_one(layer, each.argument, widths[0])
        yield Fix(f"{each.argument}={widths[0]}, one for each channel", (edit,))
    fitting = [n for n in range(1, common + 1) if common % n == 0]
    nearest = sorted(fitting, key=lambda n: (abs(n - each.given), n))
    for number in (gcd(each.given, common), *nearest[:2]):
        yield Fix(f"{each.argument}={number}", (set_one(layer, each.argument, number),))
