"""The three places where a running network is watched: modules, functions, dispatched ops."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from stitchcli.tracing import light_kernels
from stitchcli.tracing.costs import formula_of
from stitchcli.tracing.devices import asks_for_cuda, redirected
from stitchcli.tracing.numbers import Numbers
from stitchcli.tracing.ops import name_of
from stitchcli.tracing.preserve import Originals
from stitchcli.tracing.recorder import Recorder


class WatchFunctions(TorchFunctionMode):
    """Sees ``torch.cat``, ``F.interpolate`` and ``+`` with the caller's source line, and keeps code
    that asks for CUDA by name on the device of the trace."""

    def __init__(self, recorder: Recorder, device: str, numbers: Numbers | None = None) -> None:
        super().__init__()
        self._recorder = recorder
        self._numbers = numbers
        self._device = device
        self._on_cuda = device.startswith("cuda")

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if not self._on_cuda and asks_for_cuda(func, args, kwargs):
            func, args, kwargs = redirected(func, args, kwargs, self._device)
        op = name_of(func)
        if op is None:
            return func(*args, **kwargs)
        recorder = self._recorder
        call, args, kwargs = recorder.before(op, args, kwargs, sys._getframe(1))
        origins = self._numbers.origins((args, kwargs)) if self._numbers else ()
        outer, recorder.current = recorder.current, call
        try:
            result = func(*args, **kwargs)
        except Exception as error:
            recorder.refuse(op, call, error)
            raise
        finally:
            recorder.current = outer
        recorder.after(call, result)
        if self._numbers:
            self._numbers.note(call, origins, result)
        return result


class WatchOps(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees the ops that torch really runs, fused and composite ones included, and costs them."""

    def __init__(self, recorder: Recorder, originals: Originals, device: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._on_meta = device == "meta"
        self._recorder = recorder
        self._originals = originals

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # torch would import all of torch._dynamo, 1.5 s, to keep it away from this mode
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        recorder = self._recorder
        for arg in args:
            if isinstance(arg, Tensor):
                recorder.use(arg)
        self._originals.before(func, args, kwargs)
        result = (light_kernels.run if self._on_meta else _run)(func, args, kwargs)
        formula = formula_of(func)
        if formula is None:
            recorder.uncounted[str(func._schema.name).removeprefix("aten::")] += 1
        elif macs := formula(args, kwargs, result):
            call = recorder.current or (recorder.stack[-1] if recorder.stack else None)
            if call is not None:
                call.macs += macs
        return result


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    return func(*args, **kwargs)


@contextmanager
def watch_modules(recorder: Recorder) -> Iterator[None]:
    """Record every module call, with keyword arguments, by wrapping ``nn.Module.__call__``; and
    every module that is built meanwhile."""
    original, build = nn.Module.__call__, nn.Module.__init__

    def build_and_note(module: nn.Module, *args: Any, **kwargs: Any) -> None:
        recorder.newborn[id(module)] = module
        build(module, *args, **kwargs)

    def call_and_record(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        entered = recorder.enter(module, args, kwargs, sys._getframe(1))
        if entered is None:
            return original(module, *args, **kwargs)
        call, args = entered
        try:
            result = original(module, *args, **kwargs)
        except BaseException as error:
            recorder.fail(call, error)
            raise
        finally:
            recorder.stack.pop()
        recorder.leave(call, result)
        return result

    nn.Module.__call__ = call_and_record  # type: ignore[method-assign]
    nn.Module.__init__ = build_and_note  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        nn.Module.__init__ = build  # type: ignore[method-assign]
        nn.Module.__call__ = original  # type: ignore[method-assign]


@contextmanager
def plain_attention() -> Iterator[None]:
    """Keep nn.MultiheadAttention off its fused fast path, which hides what it computes."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
