"""Try edits on copies of a network, without numbers where the network allows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any, Literal

from torch import nn

from stitchcli.catalog import Catalog
from stitchcli.errors import InputError, StitchError
from stitchcli.gradients import backward
from stitchcli.records import Applied, Edit, Replace, TensorSpec, Trace
from stitchcli.sources.frames import guarded
from stitchcli.sources.network import Network
from stitchcli.surgery.apply import apply
from stitchcli.surgery.copies import full_copy, has_numbers, meta_copy
from stitchcli.surgery.select import is_inside
from stitchcli.tracing.containers import device_of
from stitchcli.tracing.trace import trace
from stitchcli.usage import unused_modules
from stitchcli.words.shapes import print_spec

Mode = Literal["eval", "train"]
NO_META = "cannot run on meta: traced on cpu instead"


@dataclass
class Workbench:
    """One network and the blocks known to it. ``device`` is where attempts run: meta, until the
    network turns out to need numbers. ``backward`` says that traces have a backward pass too,
    ``metered`` that they count bytes."""

    network: Network
    catalog: Catalog = field(default_factory=Catalog)
    mode: Mode = "eval"
    device: str = "meta"
    notes: list[str] = field(default_factory=list)
    attempts: int = 0
    elsewhere: frozenset[str] | None = None
    backward: bool = False
    metered: bool = False

    def attempt(
        self, edits: Sequence[Edit], inputs: Sequence[TensorSpec], base: Trace | None
    ) -> tuple[Trace, tuple[Applied, ...]]:
        """Edit a copy and trace it; ``base`` is a trace before any edit, needed where there are
        edits. Falls back to CPU, and says so, where the network cannot run on meta."""
        if self.device == "meta":
            module = self.network.module
            try:
                if edits or has_numbers(module):  # else a trace leaves it as it was
                    module = meta_copy(module)
                return self.run(module, edits, inputs, base, "meta")
            except InputError:
                raise
            except StitchError as error:
                # only what other code raised may be for want of numbers
                ours = error.__cause__ is None or isinstance(error.__cause__, StitchError)
                if ours or self._has_no_numbers():
                    raise
                result = self._attempt_with_numbers(edits, inputs, base)
                self.device = "cpu"
                self.notes.append(NO_META)
                return result
        return self._attempt_with_numbers(edits, inputs, base)

    def _attempt_with_numbers(
        self, edits: Sequence[Edit], inputs: Sequence[TensorSpec], base: Trace | None
    ) -> tuple[Trace, tuple[Applied, ...]]:
        module, device = full_copy(self.network.module), self.network.device
        if device == "meta":  # only the trace was asked for there
            device = device_of(module)
        return self.run(module, edits, inputs, base, device)

    def _has_no_numbers(self) -> bool:
        return any(p.device.type == "meta" for p in self.network.module.parameters())

    def run(
        self,
        module: nn.Module,
        edits: Sequence[Edit],
        inputs: Sequence[TensorSpec],
        base: Trace | None,
        device: str,
    ) -> tuple[Trace, tuple[Applied, ...]]:
        """Edit ``module`` in place and trace it."""
        applied: tuple[Applied, ...] = ()
        if edits:
            assert base is not None
            applied = self.edit(module, edits, base)
        return self.trace(module, inputs, applied, device), applied

    def edit(self, module: nn.Module, edits: Sequence[Edit], base: Trace) -> tuple[Applied, ...]:
        """Carry out edits on ``module`` itself."""
        with self.guard("building the blocks"):
            return apply(module, edits, base, self.catalog, self.network.arguments)

    def trace(
        self,
        module: nn.Module,
        inputs: Sequence[TensorSpec],
        applied: Sequence[Applied],
        device: str,
    ) -> Trace:
        """One forward pass, with the user's exceptions as a ModelError."""
        check_inputs(module, inputs)
        blocks = {built.path: built.block for item in applied for built in item.built}
        gone = [p for item in applied if isinstance(item.edit, Replace) for p in item.matched]
        built = {
            path: site
            for path, site in self.network.built.items()
            if not any(path == each or is_inside(path, each) for each in gone)
        }
        with self.guard("running its forward"):
            found = trace(
                module, inputs, device=device, mode=self.mode, built=built, blocks=blocks,
                metered=self.metered,
            )  # fmt: skip
        if found.complete and unused_modules(found):
            found = replace(found, other_mode=self._other_mode(module, inputs, device))
        if self.backward and found.complete and not found.problems:
            with self.guard("running its backward"):
                back = backward(module, inputs, device=device, mode=self.mode)
            found = replace(found, backward=back)
        return found

    def _other_mode(
        self, module: nn.Module, inputs: Sequence[TensorSpec], device: str
    ) -> frozenset[str]:
        """Modules that run in the other of train and eval mode, looked up once."""
        if self.elsewhere is None:
            mode: Mode = "eval" if self.mode == "train" else "train"
            two = tuple(replace(spec, shape=(2, *spec.shape[1:])) for spec in inputs)
            self.elsewhere = frozenset()
            with suppress(Exception), self.guard("running its forward"):
                self.elsewhere = trace(module, two, device=device, mode=mode).called
        return self.elsewhere

    def guard(self, doing: str) -> ExitStack:
        """The worlds of the user's files, and their exceptions as one message."""
        stack = ExitStack()
        for code in (self.network.user_code, *self.catalog.user_codes):
            stack.enter_context(code.active())
        stack.enter_context(guarded(doing))
        return stack


def check_inputs(module: nn.Module, inputs: Sequence[TensorSpec]) -> None:
    """Raise InputError where the forward takes another number of inputs, or other names."""
    try:
        forward = signature(module.forward)
    except (TypeError, ValueError):
        return
    given: list[Any] = [spec for spec in inputs if not spec.name]
    named: Mapping[str, Any] = {spec.name: spec for spec in inputs if spec.name}
    try:
        forward.bind(*given, **named)
    except TypeError as error:
        words = ", ".join(str(p) for p in forward.parameters.values())
        shapes = " ".join(f"--input {print_spec(spec)}" for spec in inputs) or "no input"
        raise InputError(
            f"the forward cannot take {shapes}: {error}",
            f"its forward takes ({words}); give one --input for each, by order or as name=shape",
        ) from error
