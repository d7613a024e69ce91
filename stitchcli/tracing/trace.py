"""``trace``: one forward pass of a network, as a record."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor, nn

from stitchcli.records import NonFinite, Site, TensorSpec, Trace
from stitchcli.tracing.containers import dtype_name, shape_of, tensors_in
from stitchcli.tracing.einops_calls import watch_einops
from stitchcli.tracing.layers import describe, weights_of
from stitchcli.tracing.mending import misbuilt_in
from stitchcli.tracing.meter import Meter
from stitchcli.tracing.modes import (
    WatchFunctions,
    WatchOps,
    plain_attention,
    uncompiled,
    watch_modules,
)
from stitchcli.tracing.numbers import Numbers, sick_in
from stitchcli.tracing.preserve import preserved
from stitchcli.tracing.recorder import Recorder

_NEEDS_NUMBERS = re.compile(r"[Mm]eta (\w+ )?tensor|on meta|data-dependent|device meta")


def trace(
    module: nn.Module,
    inputs: Sequence[TensorSpec],
    *,
    device: str = "cpu",
    mode: Literal["eval", "train"] = "eval",
    built: Mapping[str, Site] | None = None,
    blocks: Mapping[str, str] | None = None,
    metered: bool = False,
) -> Trace:
    """Run ``module`` once on dummy inputs and record every call, weight and fault; with
    ``metered``, also the bytes that ops move, and those that are alive at once.

    The network goes on after a mismatch, so that one run finds them all, and is left as it was.
    An exception that is no op's complaint about its operands (the network's own code raised)
    is passed on.
    """
    recorder = Recorder(module)
    outputs, complete, is_finite = _forward(recorder, inputs, device, mode, metered=metered)
    nonfinite = None
    if not is_finite and not recorder.problems:
        nonfinite = _first_nonfinite(module, inputs, device, mode)
    users = {key: tuple(paths) for key, paths in recorder.users.items()}
    return Trace(
        calls=tuple(call.close() for call in recorder.calls),
        weights=weights_of(module, users),
        layers=describe(module, built or {}, blocks or {}),
        problems=tuple(recorder.problems),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        uncounted=tuple(sorted(recorder.uncounted.items())),
        operations=recorder.operations,
        macs_by_op=dict(recorder.macs_by_op),
        is_metered=metered,
        device=device,
        mode=mode,
        complete=complete,
        strangers=tuple(recorder.strangers),
        misbuilt=misbuilt_in(module),
        nonfinite=nonfinite,
    )


def _forward(
    recorder: Recorder,
    inputs: Sequence[TensorSpec],
    device: str,
    mode: str,
    look: Callable[[Any], None] | None = None,
    numbers: Numbers | None = None,
    *,
    metered: bool = False,
) -> tuple[list[TensorSpec], bool, bool]:
    """Run the recorder's network once: the outputs, whether it came to an end, and whether their
    numbers are finite. ``look`` is shown what the network gives."""
    module = recorder.module
    with ExitStack() as stack:
        originals = stack.enter_context(preserved(module))
        module.train(mode == "train")
        stack.enter_context(torch.no_grad())
        stack.enter_context(plain_attention())
        stack.enter_context(uncompiled())
        stack.enter_context(torch.device("meta") if device == "meta" else nullcontext())
        args, kwargs = dummy_inputs(inputs, device)
        recorder.name_inputs(args, kwargs)
        recorder.meter = Meter(module, (*args, *kwargs.values())) if metered else None
        watchers = WatchOps(recorder, originals, device), WatchFunctions(recorder, device, numbers)
        stack.enter_context(watch_modules(recorder, watchers))
        stack.enter_context(watch_einops(recorder))
        watching = stack.enter_context(ExitStack())
        for watcher in watchers:
            watching.enter_context(watcher)
        try:
            result = module(*args, **kwargs)
        except Exception as error:
            verdict = recorder.verdict(error)
            if device_cannot(error) or (verdict is None and not recorder.problems):
                raise
            # after a mismatch, what the network's own code says is its consequence
            recorder.problems += [verdict] if verdict else []
            return [], False, True
        watching.close()
        if look is not None:
            look(result)
        outputs = [_spec(tensor) for tensor in tensors_in(result)]
        return outputs, True, next(sick_in(result), None) is None


def _first_nonfinite(
    module: nn.Module, inputs: Sequence[TensorSpec], device: str, mode: str
) -> NonFinite | None:
    """The same pass again, with a look at the numbers of every call."""
    recorder = Recorder(module)
    numbers, found = Numbers(recorder), list[NonFinite | None]()
    _forward(recorder, inputs, device, mode, lambda r: found.append(numbers.cause(r)), numbers)
    return found[0] if found else None


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
    return isinstance(error, NotImplementedError) or bool(_NEEDS_NUMBERS.search(str(error)))


def _spec(tensor: Any) -> TensorSpec:
    return TensorSpec(shape_of(tensor), dtype_name(tensor.dtype))
