"""The three places where a running network is watched: modules, functions, dispatched ops."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cache, wraps
from threading import Lock, get_ident
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import HigherOrderOperator
from torch.overrides import TorchFunctionMode

from stitchcli.tracing import light_kernels
from stitchcli.tracing.containers import tensors_in
from stitchcli.tracing.costs import HIGHER_ORDER, formula_of, is_composite
from stitchcli.tracing.devices import asks_for_cuda, redirected
from stitchcli.tracing.dispatch import DispatchMode
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
        op = name_of(func)
        if op is None:
            return func(*args, **kwargs)
        if not self._on_cuda and asks_for_cuda(func, args, kwargs):
            func, args, kwargs = redirected(func, args, kwargs, self._device)
            op = name_of(func) or op
        if func is Tensor.__rmatmul__:  # the only one whose operands have sides
            func, args = torch.matmul, args[::-1]
        recorder = self._recorder
        call, args, kwargs = recorder.before(op, args, kwargs, sys._getframe(1))
        origins = self._numbers.origins((args, kwargs)) if self._numbers else ()
        outer, recorder.current = recorder.current, call
        try:
            result = func(*args, **kwargs)
        except Exception as error:
            recorder.refuse(op, call, error, (args, kwargs))
            raise
        finally:
            recorder.current = outer
        recorder.after(call, result)
        if self._numbers:
            self._numbers.note(call, origins, result)
        return result


class WatchOps(DispatchMode):
    """Sees the ops that torch really runs, fused and composite ones included, and costs them."""

    #: An op that takes functions, as ``torch.cond`` does, is what these do.
    supports_higher_order_operators = True

    def __init__(self, recorder: Recorder, originals: Originals, device: str) -> None:
        super().__init__()
        self._on_meta = device == "meta"
        self._recorder = recorder
        self._originals = originals

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if isinstance(func, HigherOrderOperator):
            return self._within(func, args, kwargs)
        formula = formula_of(func)
        if formula is None and is_composite(func):
            with self:
                return func.decompose(*args, **kwargs)
        recorder = self._recorder
        recorder.operations += 1
        for arg in args:
            if type(arg) is list:  # as the weights of a recurrent layer
                for tensor in arg:
                    recorder.use(tensor)
            else:
                recorder.use(arg)
        self._originals.before(func, args, kwargs)
        result = light_kernels.run(func, args, kwargs) if self._on_meta else func(*args, **kwargs)
        if formula is None:
            recorder.uncounted[str(func._schema.name).removeprefix("aten::")] += 1
        else:
            recorder.cost(func._schema.name, formula(args, kwargs, result))
        if recorder.meter is not None:
            recorder.measure(recorder.meter, func, args, kwargs, result)
        return result

    def _within(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Run an op that takes functions, and watch these where the op has no formula."""
        formula = HIGHER_ORDER.get(func.name())
        if formula is None:
            args = tuple(self._watched(arg) if callable(arg) else arg for arg in args)
            return func(*args, **kwargs)
        recorder = self._recorder
        recorder.operations += 1
        for tensor in tensors_in((args, kwargs)):
            recorder.use(tensor)
        result = func(*args, **kwargs)
        recorder.cost(func.name(), formula(args, kwargs, result))
        if recorder.meter is not None:
            recorder.measure(recorder.meter, func, args, kwargs, result)
        return result

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return run


class _Threads:
    """Threads that a network starts: torch's modes hold in one thread alone."""

    def __init__(self, modes: Sequence[Any]) -> None:
        self._modes = modes
        self._watched = {get_ident()}
        self._one_at_a_time = Lock()

    def is_watched(self) -> bool:
        """Whether the modes hold in this thread."""
        return get_ident() in self._watched

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Let the modes hold in this thread."""
        with self._one_at_a_time, ExitStack() as stack:
            self._watched.add(get_ident())
            stack.callback(self._watched.discard, get_ident())
            stack.enter_context(torch.no_grad())
            for mode in self._modes:
                stack.enter_context(mode)
            yield


@contextmanager
def watch_modules(recorder: Recorder, modes: Sequence[Any]) -> Iterator[None]:
    """Record every module call, with keyword arguments, by wrapping ``nn.Module.__call__``; and
    every module that is built meanwhile. ``modes`` watch what is called in another thread."""
    threads = _Threads(modes)
    unwatched = torch._C.DisableTorchFunction  # reading a shape is no call of the network's
    original, build = nn.Module.__call__, nn.Module.__init__

    def build_and_note(module: nn.Module, *args: Any, **kwargs: Any) -> None:
        recorder.newborn[id(module)] = module
        build(module, *args, **kwargs)

    def call_and_record(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if not threads.is_watched() and id(module) in recorder.paths:
            with threads.watching():
                return call_and_record(module, *args, **kwargs)
        with unwatched():
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
        with unwatched():
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
def uncompiled() -> Iterator[None]:
    """Run what is handed to torch.compile as it is written, also what was handed to it before. A
    function that is handed to it inside the block is compiled when it is called after the block."""
    original: Any = torch.compile
    is_over = False

    def as_it_is(model: Any = None, **options: Any) -> Any:
        if model is None:
            return lambda function: as_it_is(function, **options)
        if isinstance(model, nn.Module):
            return model
        compiled = cache(lambda: original(model, **options))

        @wraps(model)
        def call(*args: Any, **kwargs: Any) -> Any:
            return (compiled() if is_over else model)(*args, **kwargs)

        return call

    torch.compile = as_it_is
    try:
        # where dynamo is not imported, nothing was compiled
        is_loaded = "torch._dynamo" in sys.modules
        with torch.compiler.set_stance("force_eager") if is_loaded else nullcontext():
            yield
    finally:
        is_over = True
        torch.compile = original


@contextmanager
def plain_attention() -> Iterator[None]:
    """Keep nn.MultiheadAttention off its fused fast path, which hides what it computes."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
