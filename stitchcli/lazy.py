"""Lazy layers (nn.LazyConv2d, ...) learn their widths in a first forward: run it beforehand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import nn
from torch.nn.parameter import is_lazy as is_uninitialized

from stitchcli.errors import StitchError
from stitchcli.records import TensorSpec
from stitchcli.sources.frames import guarded
from stitchcli.sources.network import Network
from stitchcli.surgery.copies import full_copy
from stitchcli.tracing.containers import device_of
from stitchcli.tracing.trace import dummy_inputs

Inputs = tuple[TensorSpec, ...]


def is_lazy(module: nn.Module) -> bool:
    """True where a weight has no shape yet."""
    tensors = (*module.parameters(), *module.buffers())
    return any(is_uninitialized(tensor) for tensor in tensors)


def materialised(network: Network, candidates: Iterable[Inputs]) -> Network:
    """The network with every width known, from the first of the inputs with which it runs.

    Raises StitchError where it runs with none of them.
    """
    failure: StitchError | None = None
    for inputs in candidates:
        module = full_copy(network.module)
        args, kwargs = dummy_inputs(inputs, device_of(module, network.device))
        try:
            with network.user_code.active(), guarded("running its first forward"), torch.no_grad():
                module.eval()(*args, **kwargs)
        except StitchError as error:
            failure = failure or error
            continue
        module.train(network.module.training)
        note = "lazy layers got their widths from a first forward"
        return replace(network, module=module, owned=True, notes=(*network.notes, note))
    raise failure or StitchError("no input could be guessed for this network", "give --input")
