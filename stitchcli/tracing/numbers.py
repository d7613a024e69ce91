"""Where the numbers of a forward pass stop being finite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from stitchcli.records import NonFinite
from stitchcli.tracing.containers import tensors_in
from stitchcli.tracing.open_call import OpenCall
from stitchcli.tracing.recorder import Recorder


def sick_in(value: Any) -> Iterator[Tensor]:
    """The tensors that hold inf or nan; on meta there are no numbers."""
    for tensor in tensors_in(value):
        plain = tensor.layout is torch.strided and not tensor.is_nested
        has_numbers = plain and tensor.device.type != "meta"
        inexact = tensor.is_floating_point() or tensor.is_complex()
        if has_numbers and inexact and not bool(tensor.isfinite().all()):
            yield tensor


class Numbers:
    """Looks at what every call is given and gives, in a pass that is made for this alone."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        #: What each call with such numbers gave, and where those that it was given are from.
        self._calls: dict[int, tuple[str, tuple[int | str, ...]]] = {}

    def origins(self, given: Any) -> tuple[int | str, ...]:
        """Which calls or weights the inf and nan in an op's arguments come from."""
        return tuple(self._recorder.origin(tensor) for tensor in sick_in(given))

    def note(self, call: OpenCall, origins: tuple[int | str, ...], result: Any) -> None:
        """Note what a call gave; of several ops in one layer the first that gives such numbers."""
        if call.index not in self._calls and (sick := list(sick_in(result))):
            outside = tuple(each for each in origins if each != call.index)
            self._calls[call.index] = _words(sick), outside

    def cause(self, result: Any) -> NonFinite | None:
        """Walk upstream from the network's output to the call that was given none of them."""
        sick = list(sick_in(result))
        at = next((o for t in sick if isinstance(o := self._recorder.origin(t), int)), None)
        if at is None:
            return NonFinite(_words(sick), None) if sick else None
        while at in self._calls:
            gives, origins = self._calls[at]
            upstream = next((o for o in origins if isinstance(o, int) and o < at), None)
            if upstream is None or upstream not in self._calls:
                weight = next((o for o in origins if isinstance(o, str) and o), "")
                return NonFinite(gives, at, weight)
            at = upstream
        return NonFinite(_words(sick), None)


def _words(tensors: list[Tensor]) -> str:
    found = [("nan", any(bool(t.isnan().any()) for t in tensors)),
             ("inf", any(bool(t.isinf().any()) for t in tensors))]  # fmt: skip
    return " and ".join(name for name, is_there in found if is_there)
