"""How long the calls of a network take on a device, measured over several runs.

The runs are watched as little as can be: a clock is read where a wanted call begins and ends, and
on CUDA an event is recorded, since kernels run on after a call has returned.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median, quantiles
from typing import Any, Literal, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from stitchcli.records import CallKey, TensorSpec, Timing
from stitchcli.tracing.containers import walk
from stitchcli.tracing.layers import is_atomic
from stitchcli.tracing.modes import plain_attention, uncompiled
from stitchcli.tracing.ops import name_of
from stitchcli.tracing.preserve import preserved
from stitchcli.tracing.trace import dummy_inputs

T = TypeVar("T")

_WARM_UP, _FEWEST, _MOST, _SECONDS = 2, 5, 50, 2.0


def time_calls(
    module: nn.Module,
    inputs: Sequence[TensorSpec],
    wanted: Collection[CallKey],
    *,
    device: str,
    mode: Literal["eval", "train"] = "eval",
) -> tuple[Timing, Mapping[CallKey, Timing]]:
    """Seconds of the whole forward, unwatched, and of the wanted calls in it.

    Each is the median of 5 to 50 runs after two that are thrown away, as many as fit in 2 s.
    Compiled parts run as they are written. The network is left as it was.
    """
    with ExitStack() as stack:
        originals = stack.enter_context(preserved(module))
        module.train(mode == "train")
        stack.enter_context(torch.no_grad())
        stack.enter_context(uncompiled())
        args, kwargs = dummy_inputs(inputs, device)

        def run() -> None:
            module(*args, **kwargs)

        originals.keep_written(run)
        whole = list(_repeated(lambda: _timed(run, device)))
        stack.enter_context(plain_attention())  # or the parts of a layer are not called
        clock = _Clock(module, wanted, device)
        with clock.watching():
            runs = list(_repeated(lambda: clock.run(run)))
    calls = {key: _timing([each[key] for each in runs if key in each]) for key in runs[0]}
    return _timing(whole), calls


def _repeated(measure: Callable[[], T]) -> Iterator[T]:
    begin = time.perf_counter()
    for index in range(_WARM_UP + _MOST):
        found = measure()
        if index < _WARM_UP:
            begin = time.perf_counter()
            continue
        yield found
        if index - _WARM_UP + 1 >= _FEWEST and time.perf_counter() - begin > _SECONDS:
            return


def _timed(run: Callable[[], None], device: str) -> float:
    _finish(device)
    begin = time.perf_counter()
    run()
    _finish(device)
    return time.perf_counter() - begin


def _finish(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def _timing(seconds: Sequence[float]) -> Timing:
    low, _, high = (
        quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else (seconds[0],) * 3
    )
    return Timing(median(seconds), low, high)


class _Clock(TorchFunctionMode):
    """Reads the time where wanted calls begin and end."""

    def __init__(self, module: nn.Module, wanted: Collection[CallKey], device: str) -> None:
        super().__init__()
        self._device = device
        self._wanted = wanted
        self._ops = {op for _, op, _ in wanted if op}
        self._places = {id(each): (path, is_atomic(each)) for path, each in walk(module)}
        self._seen: Counter[tuple[str, str]] = Counter()
        self._stack: list[tuple[str, bool]] = []
        #: Whether a wanted call runs; the calls in it are part of it.
        self._is_inside = False
        self._marks: dict[CallKey, tuple[Any, Any]] = {}

    def run(self, forward: Callable[[], None]) -> dict[CallKey, float]:
        """Seconds of each wanted call of one run."""
        self._seen.clear()
        self._marks.clear()
        _finish(self._device)
        forward()
        _finish(self._device)
        return {key: _between(*marks) for key, marks in self._marks.items()}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch modules, and functions where some of them are wanted."""
        original = nn.Module.__call__

        def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            place = self._places.get(id(module))
            if place is None or self._is_inside:
                return original(module, *args, **kwargs)
            self._stack.append(place)
            try:
                return self._measured(place[0], "", original, (module, *args), kwargs)
            finally:
                self._stack.pop()

        nn.Module.__call__ = call  # type: ignore[method-assign]
        try:
            with ExitStack() as stack:
                if self._ops:
                    stack.enter_context(self)
                yield
        finally:
            nn.Module.__call__ = original  # type: ignore[method-assign]

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        op = None if self._is_inside else name_of(func)
        path, is_layer = self._stack[-1] if self._stack else ("", False)
        if op not in self._ops or is_layer:
            return func(*args, **(kwargs or {}))
        return self._measured(path, op or "", func, args, kwargs or {})

    def _measured(
        self, path: str, op: str, call: Callable[..., Any], args: Any, kwargs: dict[str, Any]
    ) -> Any:
        key = (path, op, self._seen[path, op])
        self._seen[path, op] += 1
        if key not in self._wanted:
            return call(*args, **kwargs)
        self._is_inside = True
        begin = self._mark()
        try:
            return call(*args, **kwargs)
        finally:
            self._marks[key] = begin, self._mark()
            self._is_inside = False

    def _mark(self) -> Any:
        if not self._device.startswith("cuda"):
            return time.perf_counter()
        event: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event


def _between(begin: Any, end: Any) -> float:
    return float(end - begin if isinstance(begin, float) else begin.elapsed_time(end) / 1000)
