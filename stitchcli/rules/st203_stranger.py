"""ST203: a module that runs without being part of the network.

Built in a forward, its weights are new at every call; kept in a plain list, they are in no
`state_dict()`, no `parameters()`, and move to no device. Both run without a word.

Severity: error; a note where none of its parameters wants a gradient, as in a frozen teacher that
is kept out of sight on purpose.

Why: no optimiser sees it, so it stays as random as it was made, and a saved network comes back
without it.

Example:

    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.convs = [nn.Conv2d(3, 3, 3, padding=1) for _ in range(2)]

        def forward(self, x):
            for conv in self.convs:
                x = conv(x)
            return x

    $ stitch inspect model.py --input 1x3x32x32
    error[ST203]: 2 Conv2ds are run by Net and no child of it: 168 parameters in no state dict

Fix: build it in `__init__` and keep it as an attribute, or in an `nn.ModuleList` or
`nn.ModuleDict`.
"""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Diagnostic, Label, Stranger


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each place where such modules are run."""
    trace = audit.result
    groups: dict[tuple[str, bool, str], list[Stranger]] = {}
    for each in trace.strangers:
        groups.setdefault((each.path, each.is_new, each.kind), []).append(each)
    for (path, is_new, kind), found in groups.items():
        owner = path or trace.layers[""].kind
        count = sum(each.params for each in found)
        name = f"{len(found)} {kind}s" if len(found) > 1 else kind
        are = "are" if len(found) > 1 else "is"
        if is_new:
            title = f"{name} {are} built in the forward of {owner}"
            title += f": {count:,} parameters, new at every call"
            note = "they are in no optimiser and never learn; build the module in __init__"
        else:
            title = f"{name} {are} run by {owner} and no child of it"
            title += f": {count:,} parameters in no state dict"
            note = "keep it as an attribute of the module, or in an nn.ModuleList or nn.ModuleDict"
        site = found[0].site
        yield Diagnostic(
            code="ST203",
            # a frozen teacher is kept out of sight on purpose
            severity="error" if is_new or any(each.learns for each in found) else "note",
            path=path,
            title=title,
            primary=Label(site, "run here") if site else None,
            notes=(note, "they are not counted in the totals"),
        )
