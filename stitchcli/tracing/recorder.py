"""What happened so far in a forward pass: open calls, provenance, faults, costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import ref

from torch import Tensor, nn

from stitchcli.records import Problem, Ref, Stranger
from stitchcli.tracing.containers import dtype_name, shape_of, tensors_in, walk
from stitchcli.tracing.contracts import check
from stitchcli.tracing.contracts.contract import Fault
from stitchcli.tracing.contracts.modules import check_module
from stitchcli.tracing.layers import is_atomic, kind_of, settings_of
from stitchcli.tracing.meter import Meter
from stitchcli.tracing.open_call import OpenCall
from stitchcli.tracing.sites import nearest_spot, raised_by, route_of, site_of, spot_in


@dataclass
class Refusal:
    """An exception that an op raised; a fault of the network unless its code catches it."""

    error: BaseException
    problem: Problem


@dataclass
class Recorder:
    """Mutable while a network runs; ``trace`` turns it into records at the end."""

    module: nn.Module
    calls: list[OpenCall] = field(default_factory=list)
    stack: list[OpenCall] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    operations: int = 0
    macs_by_op: Counter[str] = field(default_factory=Counter)
    meter: Meter | None = None
    uncounted: Counter[str] = field(default_factory=Counter)
    users: dict[int, dict[str, None]] = field(default_factory=dict)
    refusal: Refusal | None = None
    current: OpenCall | None = None
    failed: tuple[BaseException, OpenCall] | None = None
    #: Modules that are no part of the network, kept alive so that their ids stay their own.
    met: dict[int, nn.Module] = field(default_factory=dict)
    newborn: dict[int, nn.Module] = field(default_factory=dict)
    strangers: list[Stranger] = field(default_factory=list)

    def name_inputs(self, args: Sequence[Tensor], kwargs: Mapping[str, Tensor]) -> None:
        """Call the network's inputs by their keywords, or by number where there are several."""
        for index, tensor in enumerate(args):
            self.names[id(tensor)] = f"input {index + 1}" if len(args) > 1 else "input"
        self.names |= {id(tensor): f"input {name}" for name, tensor in kwargs.items()}

    def __post_init__(self) -> None:
        #: What calls made; held weakly and not marked, since it may be the user's.
        self._made: dict[int, tuple[ref[Tensor], Ref]] = {}
        self.paths: dict[int, str] = {}
        self.names: dict[int, str] = {}
        self.atomic: dict[int, bool] = {}
        for path, each in walk(self.module):
            self.paths[id(each)] = path
            self.atomic[id(each)] = is_atomic(each)
            for name, tensor in (*each._parameters.items(), *each._buffers.items()):
                if tensor is not None:
                    self.names.setdefault(id(tensor), f"{path}.{name}" if path else name)

    # -------------------------------------------------- module calls

    def enter(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], frame: Any
    ) -> tuple[OpenCall, tuple[Any, ...]] | None:
        """Open a module's call and give the arguments to run it with; None for a module that is
        not part of the network."""
        path = self.paths.get(id(module))
        if path is None:
            self.meet(module, frame)
            return None
        call = self._open(path, kind_of(module), None, self.atomic[id(module)], frame)
        call.inputs = self.refs((args, kwargs))
        call.given = ("",) * len(args) + tuple(kwargs)
        op, faults, args = check_module(module, args, kwargs)
        for fault in faults:
            self.problems.append(self._problem(fault, op, call))
        self.stack.append(call)
        return call, args

    def meet(self, module: nn.Module, frame: Any) -> None:
        """Note a module that runs and is no part of the network, with all that is in it."""
        if id(module) in self.met:
            return
        self.met.update((id(each), each) for each in module.modules())
        params = sum(parameter.numel() for parameter in module.parameters())
        if params:
            path = self.stack[-1].path if self.stack else ""
            is_new = id(module) in self.newborn
            site = site_of(nearest_spot(frame))
            learns = any(parameter.requires_grad for parameter in module.parameters())
            self.strangers.append(Stranger(path, kind_of(module), params, is_new, learns, site))

    def leave(self, call: OpenCall, result: Any) -> None:
        """Close a module's call with what it returned."""
        call.outputs = self.refs(result)

    # -------------------------------------------------- functional calls

    def before(self, op: str, args: Any, kwargs: Any, frame: Any) -> tuple[OpenCall, Any, Any]:
        """Check an op's contract, open its call and give the arguments to run it with."""
        owner = self.stack[-1] if self.stack else None
        if owner is not None and owner.atomic:
            call = owner
            call.op = call.op or op
        else:
            inputs = self.refs((args, kwargs))
            path = owner.path if owner else ""
            call = self._open(path, "", op, True, frame)
            call.inputs = inputs
            call.settings = settings_of(args, kwargs)
        faults, args, kwargs = check(op, args, kwargs, self.age)
        for fault in faults:
            for tensor in fault.operands:  # the op may be given another in its place
                self.use(tensor)
            self.problems.append(self._problem(fault, op, call))
        return call, args, kwargs

    def after(self, call: OpenCall, result: Any) -> None:
        """Close a functional call; one that made no tensor never was."""
        made = tensors_in(result)
        for tensor in made:
            if (key := id(tensor)) not in self.names:
                known = Ref(shape_of(tensor), dtype_name(tensor.dtype), call.index)
                self._made[key] = ref(tensor), known
        if call.kind:
            return
        call.outputs = tuple(self.record(tensor) for tensor in made)
        if not made and call is self.calls[-1]:
            self.calls.pop()

    def cost(self, op: str, macs: int) -> None:
        """Add to what the innermost running call costs."""
        call = self._innermost()
        if macs and call is not None:
            call.macs += macs
            self.macs_by_op[op] += macs

    def measure(self, meter: Meter, op: Any, args: Any, kwargs: Any, result: Any) -> None:
        """Add the bytes of an op to the innermost running call."""
        moved = meter.after(op, args, kwargs, result)
        if (call := self._innermost()) is not None:
            call.moved += moved
            call.peak = max(call.peak, meter.alive)

    def _innermost(self) -> OpenCall | None:
        return self.current or (self.stack[-1] if self.stack else None)

    def refuse(self, op: str, call: OpenCall, error: BaseException, given: Any = ()) -> None:
        """An op raised: remember it, in case the network does not catch it."""
        for tensor in tensors_in(given):
            self.use(tensor)
        text = str(error).strip().splitlines()
        problem = Problem(
            "refused", op, call.path, call.index, call.inputs, 0, None, None, None,
            text[0] if text else type(error).__name__, site_of(call.spot),
        )  # fmt: skip
        self.refusal = Refusal(error, problem)

    def fail(self, call: OpenCall, error: BaseException) -> None:
        """An exception left a module's forward: the innermost one is remembered."""
        if self.failed is None or self.failed[0] is not error:
            self.failed = error, call

    def verdict(self, error: BaseException) -> Problem | None:
        """What made the forward stop, if it is a fault of the network's shapes."""
        if isinstance(error, RecursionError):
            return None
        if self.refusal is not None and self.refusal.error is error:
            return self.refusal.problem
        if self.failed is not None and self.failed[0] is error and (op := raised_by(error)):
            self.refuse(op, self.failed[1], error)
            site = site_of(spot_in(error)) or site_of(self.failed[1].spot)
            return replace(self.refusal.problem, site=site) if self.refusal is not None else None
        return None

    def odd(self, fault: Fault, op: str, frame: Any) -> OpenCall:
        """Open the call of a function that is no op of torch's and was given what does not fit."""
        call, _, _ = self.before(op, fault.operands, {}, frame)
        self.problems.append(self._problem(fault, op, call))
        return call

    # -------------------------------------------------- tensors

    def age(self, tensor: Tensor) -> int:
        """Index of the call that made a tensor; -1 for an input, a weight or a constant."""
        producer = self._producer(tensor)
        return -1 if producer is None else producer

    def origin(self, tensor: Tensor) -> int | str:
        """The index of the call that made a tensor; else its name, empty for a constant."""
        producer = self._producer(tensor)
        return self.names.get(id(tensor), "") if producer is None else producer

    def use(self, tensor: Tensor) -> None:
        """An op read this tensor: if it is a weight, note in whose call."""
        if (key := id(tensor)) in self.names:
            path = self.stack[-1].path if self.stack else ""
            self.users.setdefault(key, {})[path] = None

    def refs(self, value: Any) -> tuple[Ref, ...]:
        """The tensors in any nesting of containers, as records."""
        found = []
        for tensor in tensors_in(value):
            self.use(tensor)
            found.append(self.record(tensor))
        return tuple(found)

    def _producer(self, tensor: Tensor) -> int | None:
        return known.producer if (known := self._known(tensor)) else None

    def _known(self, tensor: Tensor) -> Ref | None:
        made = self._made.get(id(tensor))
        return made[1] if made is not None and made[0]() is tensor else None

    def record(self, tensor: Tensor) -> Ref:
        """One tensor as a record."""
        known, shape = self._known(tensor), shape_of(tensor)
        if known is None:
            return Ref(shape, dtype_name(tensor.dtype), None, self.names.get(id(tensor), ""))
        if known.shape == shape:
            return known
        return replace(known, shape=shape, dtype=dtype_name(tensor.dtype))  # ``x.data = y``

    # -------------------------------------------------- helpers

    def _open(self, path: str, kind: str, op: str | None, atomic: bool, frame: Any) -> OpenCall:
        parent = self.stack[-1].index if self.stack else None
        route = () if kind else route_of(frame)
        spot = route[0] if route else nearest_spot(frame)
        call = OpenCall(len(self.calls), path, kind, op, parent, atomic, spot, route=route[1:])
        self.calls.append(call)
        return call

    def _problem(self, fault: Fault, op: str, call: OpenCall) -> Problem:
        return Problem(
            fault.kind, op, call.path, call.index, tuple(self.record(t) for t in fault.operands),
            fault.operand, fault.dim, fault.expected, fault.got, fault.text, site_of(call.spot),
        )  # fmt: skip
