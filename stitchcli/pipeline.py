"""The tool in one function: words in, Report out."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Literal

import torch
from torch import nn

from stitchcli import __version__
from stitchcli.catalog import Catalog
from stitchcli.checks import Checks
from stitchcli.errors import EditError, ModelError
from stitchcli.extras import Sides, before_edits, counts_bytes, view_of
from stitchcli.filters import EVERYTHING, Filter
from stitchcli.fixes import together, verified
from stitchcli.guess import candidates, guess
from stitchcli.lazy import is_lazy, materialised
from stitchcli.patching import Patcher
from stitchcli.records import (
    Applied,
    Audit,
    Check,
    Column,
    Diagnostic,
    Edit,
    Keep,
    Report,
    Target,
    TensorSpec,
    Trace,
)
from stitchcli.repair import fixed_in_files, fixing_edits
from stitchcli.roots import merged
from stitchcli.sizes import with_sizes
from stitchcli.sources.load import check_device, load
from stitchcli.sources.network import Network
from stitchcli.sources.revisions import at_revision, named, naming
from stitchcli.sources.user_code import UserCode
from stitchcli.surgery.copies import full_copy, has_numbers, is_scripted, meta_copy
from stitchcli.tracing.containers import shape_of
from stitchcli.tracing.depth import room_for_depth
from stitchcli.tracing.mending import misbuilt_in
from stitchcli.tracing.trace import device_cannot, untraced
from stitchcli.trial import Trial, look
from stitchcli.workbench import NO_META, Mode, Workbench

_CHEAP = 300_000_000


@dataclass(frozen=True)
class Request:
    """What ``stitch inspect`` is asked; ``blocks`` are folders with blocks of the user's own.
    ``fix`` says which fixes are applied, ``in_files`` that they are to be patches of the user's
    files, ``backward`` that gradients are looked at too, ``try_out`` that an edited network without
    a fault is tried at other things than this one forward. ``columns`` are those of the report
    besides the usual ones, and ``cross_check`` asks what other tools count."""

    edits: tuple[Edit, ...] = ()
    inputs: tuple[TensorSpec, ...] = ()
    device: str = "cpu"
    mode: Mode = "eval"
    depth: int | None = None
    expect: int | None = None
    verify: bool = False
    blocks: tuple[str, ...] = ()
    filter: Filter = EVERYTHING
    fix: Literal["none", "safe", "unsafe"] = "none"
    in_files: bool = False
    backward: bool = False
    try_out: bool = True
    columns: tuple[Column, ...] = ()
    cross_check: bool = False


@room_for_depth()
def inspect_target(target: Target, request: Request) -> Report:
    """Load a network and audit it. Raises StitchError."""
    if request.fix != "none" and request.in_files:
        look = partial(_look, target, replace(request, fix="none"))
        return fixed_in_files(look, request.fix == "unsafe")
    return _look(target, request)


def _look(target: Target, request: Request) -> Report:
    revision = at_revision(target.text)
    with naming(revision):
        report = _loaded(target, request, patches=revision is None)
    if revision is None:
        return report
    return replace(report, diagnostics=named(report.diagnostics, revision))


def _loaded(target: Target, request: Request, *, patches: bool) -> Report:
    network = load(target, request.device, quick=not request.verify)

    def reload(device: str) -> Network:
        return _with_widths(load(target, device, quick=not request.verify), request)

    try:
        return audit(network, request, reload if patches else None)
    except ModelError as error:
        if request.device != "meta" or not _may_need_numbers(error, network):
            raise
        # if it did not need numbers to look at, it fails again here, in its own words
        request = replace(request, device="cpu")
        report = audit(reload("cpu"), request, reload if patches else None)
        return replace(report, notes=tuple(dict.fromkeys((*report.notes, NO_META))))


def _may_need_numbers(error: ModelError, network: Network) -> bool:
    """Whether a network that failed on meta is worth building with weights: where it says so, or
    where it is cheap to find out."""
    says_so = error.__cause__ is not None and device_cannot(error.__cause__)
    return says_so or sum(prod(shape_of(t)) for t in network.module.parameters()) < _CHEAP


@room_for_depth()
def audit(
    network: Network, request: Request, reload: Callable[[str], Network] | None = None
) -> Report:
    """Trace a network before and after the edits, diagnose it, try the fixes; ``reload`` builds it
    again from its source, on a device. Raises StitchError.
    """
    check_device(request.device)
    network = _with_widths(network, request)
    bench = Workbench(
        network, Catalog(request.blocks), request.mode, backward=request.backward,
        metered=counts_bytes(request.columns),
    )  # fmt: skip
    original = before_edits(network.module, request.columns, request.device, bool(request.edits))
    try:
        base, guessed = _base(bench, request)
    except ModelError as error:
        raise with_sizes(error, bench, request.inputs) from error.__cause__
    result, applied, module = _result(bench, request, base)
    _expect(applied, request.expect)
    facts = Audit(base, result, applied)
    found = look(facts, network.routes, request.filter)
    trial = Trial(
        bench, base, request.edits, base.inputs, result,
        merged(found.kept, result), found.ignored, request.filter,
    )  # fmt: skip
    diagnostics = verified(trial)
    if reload is not None:
        diagnostics = Patcher(trial, reload).patched(diagnostics)
    if request.fix != "none":
        edits, fixed = fixing_edits(trial, diagnostics, request.fix == "unsafe")
        if fixed:
            again = reload(request.device) if reload and network.owned else network
            rest = replace(request, edits=edits, inputs=base.inputs, fix="none")
            return replace(audit(again, rest, reload), fixed=fixed, inputs_guessed=guessed)
    sides = Sides(base, result, original, module or _as_traced(bench, request, base, result))
    view = view_of(bench, sides, request.columns, request.depth, request.cross_check)
    return Report(
        name=network.name,
        target=network.target,
        base=base,
        result=result,
        applied=applied,
        stages=view.rows,
        depth=view.depth,
        diagnostics=diagnostics,
        inputs_guessed=guessed,
        notes=tuple(dict.fromkeys((*network.notes, *bench.notes, *found.notes))),
        together=together(trial, diagnostics),
        checks=_checks(trial, request, diagnostics, module, applied),
        ignored=tuple(replace(each, fixes=()) for each in found.ignored),
        columns=request.columns,
        times=view.times,
        peers=view.peers,
        versions={
            "version": __version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
    )


def _as_traced(bench: Workbench, request: Request, base: Trace, result: Trace) -> nn.Module:
    """The network of the result where the pipeline has not kept it, as far as it is looked at."""
    module = bench.network.module
    if not request.cross_check:
        return module
    if request.edits:
        return edited(bench, request.edits, base)[0]
    return meta_copy(module) if result.device == "meta" and has_numbers(module) else module


def _checks(
    trial: Trial,
    request: Request,
    diagnostics: Sequence[Diagnostic],
    module: nn.Module | None,
    applied: tuple[Applied, ...],
) -> tuple[Check, ...]:
    """What is tried on an edited network that has no fault."""
    # a fault that is ignored is still in the way of a training step
    broken = trial.result.problems or not trial.result.complete
    # numbers that are not finite are in the way of none
    faults = [d for d in diagnostics if d.severity == "error" and d.code != "ST206"]
    if not request.edits or not request.try_out or broken or faults:
        return ()
    checker = Checks(trial.bench, request.edits, trial.base, trial.result)
    return (*checker.on_meta(), *_numbers(checker, request, module, applied))


def _numbers(
    checker: Checks, request: Request, module: nn.Module | None, applied: tuple[Applied, ...]
) -> tuple[Check, ...]:
    if not request.verify:
        return ()
    if module is None:
        return (Check("numbers", "skip", "there are none on meta; give --device cpu or cuda"),)
    return checker.with_numbers(module, applied)


def _with_widths(network: Network, request: Request) -> Network:
    if not is_lazy(network.module):
        return network
    known = [request.inputs] if request.inputs else candidates(network.module, network.inputs)
    return materialised(network, known)


def _base(bench: Workbench, request: Request) -> tuple[Trace, bool]:
    """The trace before any edit. A network that is to run on a real device without edits needs no
    more than that one pass; where bytes are compared, both sides run where they are to run."""
    inputs, found = request.inputs, None
    if not inputs:
        inputs, found = guess(bench)
    if request.device != "meta" and (not request.edits or bench.metered):
        try:
            found = bench.trace(bench.network.module, inputs, (), request.device)
        except ModelError:
            if not request.edits:
                raise
        else:
            return found, not request.inputs
    if found is None:
        try:
            found, _ = bench.attempt((), inputs, None)
        except ModelError:
            if not request.edits:
                raise
            # the edits may be what mends it
            network = bench.network
            found = untraced(network.module, inputs, device=bench.device, built=network.built)
            bench.notes.append("the network does not run before the edits")
    return found, not request.inputs


def _result(
    bench: Workbench, request: Request, base: Trace
) -> tuple[Trace, tuple[Applied, ...], nn.Module | None]:
    """The trace after the edits, and the edited network where it has numbers."""
    if not request.edits:
        return base, (), None
    if request.device == "meta":
        return *bench.attempt(request.edits, base.inputs, base), None
    module, applied = edited(bench, request.edits, base)
    return bench.trace(module, base.inputs, applied, request.device), applied, module


def edited(
    bench: Workbench, edits: Sequence[Edit], base: Trace
) -> tuple[nn.Module, tuple[Applied, ...]]:
    """The network with the edits carried out: on itself where it is ours, else on a copy."""
    network = bench.network
    if bench.device != "meta" or not network.owned or is_scripted(network.module):
        module = full_copy(network.module)
    else:
        # fixes are tried on copies of the network as it was, which need no numbers
        module = network.module
        bench.network = replace(network, module=meta_copy(module), owned=False)
    return module, bench.edit(module, edits, base)


@room_for_depth()
def edited_module(network: Network, request: Request) -> tuple[nn.Module, tuple[UserCode, ...]]:
    """The edited network as an ordinary nn.Module, and the worlds of the user's files that its code
    runs in. Raises StitchError."""
    network = _with_widths(network, request)
    bench = Workbench(network, Catalog(request.blocks), request.mode)
    base, _ = _base(bench, replace(request, device="meta"))
    module, applied = edited(bench, request.edits, base)
    _expect(applied, request.expect)
    if odd := misbuilt_in(module):
        raise ModelError(
            f"{odd[0].path} cannot be built: {odd[0].argument}={odd[0].given} does not divide "
            f"{odd[0].width}",
            "look at it with stitch inspect, which offers fixes",
        )
    return module, (network.user_code, *bench.catalog.user_codes)


def _expect(applied: Sequence[Applied], expected: int | None) -> None:
    if expected is None:
        return
    count = sum(len(item.matched) for item in applied if not isinstance(item.edit, Keep))
    if count != expected:
        raise EditError(
            f"the edits match {count} modules, and --expect says {expected}",
            "look at what matched with stitch inspect, or change --expect",
        )
