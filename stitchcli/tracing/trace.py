"""``trace``: one forward pass of a network, as a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor, nn

from stitchcli.records import Site, TensorSpec, Trace
from stitchcli.tracing.containers import tensors_in
from stitchcli.tracing.einops_calls import watch_einops
from stitchcli.tracing.layers import describe, weights_of
from stitchcli.tracing.modes import WatchFunctions, WatchOps, plain_attention, watch_modules
from stitchcli.tracing.preserve import preserved
from stitchcli.tracing.recorder import Recorder


def trace(
    module: nn.Module,
    inputs: Sequence[TensorSpec],
    *,
    device: str = "cpu",
    mode: Literal["eval", "train"] = "eval",
    built: Mapping[str, Site] | None = None,
    blocks: Mapping[str, str] | None = None,
) -> Trace:
    """Run ``module`` once on dummy inputs and record every call, weight and fault.

    The network goes on after a mismatch, so that one run finds them all, and is left as it was.
    An exception that is no op's complaint about its operands (the network's own code raised)
    is passed on.
    """
    recorder = Recorder(module)
    outputs: list[TensorSpec] = []
    complete = True
    with ExitStack() as stack:
        originals = stack.enter_context(preserved(module))
        module.train(mode == "train")
        stack.enter_context(torch.no_grad())
        stack.enter_context(plain_attention())
        stack.enter_context(torch.device("meta") if device == "meta" else nullcontext())
        args, kwargs = dummy_inputs(inputs, device)
        recorder.name_inputs(args, kwargs)
        stack.enter_context(watch_modules(recorder))
        stack.enter_context(watch_einops(recorder))
        stack.enter_context(WatchOps(recorder, originals, device))
        stack.enter_context(WatchFunctions(recorder, device))
        try:
            result = module(*args, **kwargs)
            outputs = [_spec(tensor) for tensor in tensors_in(result)]
        except Exception as error:
            verdict = recorder.verdict(error)
            if device_cannot(error) or (verdict is None and not recorder.problems):
                raise
            # after a mismatch, what the network's own code says is its consequence
            recorder.problems += [verdict] if verdict else []
            complete = False
    users = {key: tuple(paths) for key, paths in recorder.users.items()}
    return Trace(
        calls=tuple(call.close() for call in recorder.calls),
        weights=weights_of(module, users),
        layers=describe(module, built or {}, blocks or {}),
        problems=tuple(recorder.problems),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        uncounted=tuple(sorted(recorder.uncounted.items())),
        device=device,
        mode=mode,
        complete=complete,
        strangers=tuple(recorder.strangers),
    )


def untraced(
    module: nn.Module, inputs: Sequence[TensorSpec], *, device: str, built: Mapping[str, Site]
) -> Trace:
    """What is known of a network without running it."""
    return Trace(
        calls=(),
        weights=weights_of(module, {}),
        layers=describe(module, built, {}),
        problems=(),
        inputs=tuple(inputs),
        outputs=(),
        uncounted=(),
        device=device,
        mode="eval",
        complete=False,
    )


def dummy_inputs(
    specs: Sequence[TensorSpec], device: str
) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    """Unit-normal numbers, or ones where the dtype is not floating."""
    args, kwargs = [], {}
    for spec in specs:
        dtype = getattr(torch, spec.dtype)
        make = torch.randn if dtype.is_floating_point or dtype.is_complex else torch.ones
        make = torch.empty if device == "meta" else make
        tensor = make(spec.shape, dtype=dtype, device=device)
        if spec.name:
            kwargs[spec.name] = tensor
        else:
            args.append(tensor)
    return tuple(args), kwargs


def device_cannot(error: BaseException) -> bool:
    """True where a network fails on meta only because there are no numbers to look at."""
    text = str(error)
    return isinstance(error, NotImplementedError) or any(
        phrase in text
        for phrase in ("meta tensor", "Meta tensor", "on meta", "data-dependent", "device meta")
    )


def _spec(tensor: Any) -> TensorSpec:
    return TensorSpec(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
