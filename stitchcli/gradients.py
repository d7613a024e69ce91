"""Which parameters a backward pass gives a gradient, tried on a network that is there for that."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from linecache import getline
from typing import Any

import torch
from torch import Tensor, nn

from stitchcli.records import Backward, Site, TensorSpec
from stitchcli.surgery.copies import full_copy
from stitchcli.surgery.fit import watched_lightly
from stitchcli.tracing.containers import tensors_in
from stitchcli.tracing.preserve import random_states
from stitchcli.tracing.sites import is_model_code, is_user_code
from stitchcli.tracing.trace import device_cannot, dummy_inputs

_FRAME = re.compile(r'File "(.+?)", line (\d+), in (\S+)\n\s*(.*)')
_SAVED_BY = re.compile(r"output \d+ of (\w+?)(?:Backward)?\d*,")


def reached(module: nn.Module, inputs: Sequence[TensorSpec], device: str) -> frozenset[int] | None:
    """The ids of the parameters that the sum of all outputs has a gradient for; None where no
    output depends on a parameter that learns."""
    with torch.enable_grad(), watched_lightly(device):
        args, kwargs = dummy_inputs(inputs, device)
        loss = _loss(module(*args, **kwargs))
        learning = [each for each in module.parameters() if each.requires_grad]
        if not loss.requires_grad or not learning:
            return None
        grads = torch.autograd.grad(loss, learning, allow_unused=True)
    return frozenset(id(p) for p, grad in zip(learning, grads, strict=True) if grad is not None)


def backward(
    module: nn.Module, inputs: Sequence[TensorSpec], *, device: str, mode: str
) -> Backward:
    """A forward and a backward on a copy. What fails for want of numbers is passed on."""
    with random_states(module):
        copied = full_copy(module).train(mode == "train")
        try:
            ids = reached(copied, inputs, device)
        except Exception as error:
            if device_cannot(error):
                raise
            text = " ".join(str(error).split()) or type(error).__name__
            saved = _SAVED_BY.search(text)
            again = full_copy(module).train(mode == "train")
            site = _saved_at(lambda: reached(again, inputs, device))
            return Backward((), text, saved[1].lower() if saved else "", site)
    learning = ((name, p) for name, p in copied.named_parameters() if p.requires_grad)
    return Backward(tuple(name for name, p in learning if id(p) not in (ids or ())))


def _saved_at(run: Callable[[], Any]) -> Site | None:
    """Where the forward did what cannot be gone back over: torch says it once it is asked to keep
    the traceback of every op."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with suppress(Exception), torch.autograd.set_detect_anomaly(True, check_nan=False):
            run()
    frames = [f for each in said for f in _FRAME.findall(str(each.message)) if is_model_code(f[0])]
    if not frames:
        return None
    file, line, function, source = frames[-1]
    indent = _indent(file, int(line))
    width = len(source.rstrip())
    return Site(file, int(line), indent, int(line), indent + width, function, is_user_code(file))


def _indent(file: str, line: int) -> int:
    text = getline(file, line)
    return len(text) - len(text.lstrip())


def _loss(value: Any) -> Tensor:
    parts = [each.float().sum() for each in tensors_in(value) if each.requires_grad]
    return torch.stack(parts).sum() if parts else torch.zeros(())
