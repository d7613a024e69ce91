"""``stitch diff`` in one function: two targets in, Diff out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import nn

from stitchcli.behaviour import compare_outputs, outputs_of, share
from stitchcli.comparing import compare
from stitchcli.comparing.tensors import fitted, state_shapes
from stitchcli.errors import InputError, ModelError, StitchError
from stitchcli.pipeline import Request, edited_module, inspect_target
from stitchcli.records import Behaviour, Checkpoint, Diff, Report, Target
from stitchcli.sources.frames import guarded
from stitchcli.sources.load import load
from stitchcli.sources.user_code import UserCode
from stitchcli.weight_files import WeightFile, read_weight_file, write_renamed


@dataclass(frozen=True)
class DiffRequest:
    """What ``stitch diff`` is asked. ``request`` holds the edits of the modified side, and what
    holds for both; ``moved`` are paths that are each other in any case, ``known`` such of a
    project's settings, which need not be there. ``checkpoint`` is a file of base's weights, and
    ``remap`` where it is written with the other network's names."""

    base: Target
    head: Target
    request: Request
    moved: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)
    numeric: bool = False
    checkpoint: Path | None = None
    remap: Path | None = None


def diff_targets(asked: DiffRequest) -> Diff:
    """Load both networks and compare them. Raises StitchError that names the side."""
    file = read_weight_file(asked.checkpoint) if asked.checkpoint else None
    request = replace(asked.request, try_out=False)
    with _side("base", asked.base):
        base = inspect_target(asked.base, replace(request, edits=(), expect=None))
    with _side("modified", asked.head):
        head, notes = _head(asked.head, request, base)
    diff = diff_reports(base, head, asked.moved, asked.known)
    if file is not None:
        theirs = state_shapes(head.result)
        file = file.named_as({each.key for each in diff.checkpoint.tensors})
        found = fitted(diff.checkpoint, file.shapes, theirs, str(file.path))
        diff = replace(diff, checkpoint=found)
        _remap(file, diff.checkpoint, asked.remap)
    if asked.numeric:
        diff = replace(diff, behaviour=_behaviour(asked, diff))
    return replace(diff, notes=notes)


def diff_reports(
    base: Report, head: Report, moved: Mapping[str, str], known: Mapping[str, str] | None = None
) -> Diff:
    """Compare what two reports are of. Raises StitchError."""
    one, other = base.result, head.result
    there = {a: b for a, b in (known or {}).items() if a in one.layers and b in other.layers}
    found = compare(one, other, {**there, **moved})
    return Diff(base, head, found.changes, found.renames, found.checkpoint)


@contextmanager
def _side(name: str, target: Target) -> Iterator[None]:
    try:
        yield
    except StitchError as error:
        error.message = f"the {name} network, {target.text}: {error.message}"
        raise


def _head(target: Target, request: Request, base: Report) -> tuple[Report, tuple[str, ...]]:
    """The modified network on the inputs of base; on its own where it takes no such."""
    request = replace(request, depth=base.depth)
    if request.inputs:
        return inspect_target(target, request), ()
    head = on_inputs_of(base, target, request)
    is_same = head.result.inputs == base.result.inputs
    return replace(head, inputs_guessed=True), () if is_same else (_OTHER_INPUTS,)


def on_inputs_of(other: Report, target: Target, request: Request) -> Report:
    """A network on the inputs of another; on those guessed for it, where it takes no such. Raises
    StitchError."""
    try:
        same = inspect_target(target, replace(request, inputs=other.result.inputs))
    except (InputError, ModelError):
        return inspect_target(target, request)
    if not same.has_errors:
        return same
    own = inspect_target(target, request)
    return same if own.has_errors else own


_OTHER_INPUTS = "the two networks run on different inputs, so that their MACs do not compare"


def _remap(file: WeightFile, checkpoint: Checkpoint, out: Path | None) -> None:
    if out is None:
        return
    if not checkpoint.loading:
        raise StitchError(
            f"no tensor of {file.path} loads, so there is nothing for --remap to write",
            "is it a checkpoint of the base network?",
        )
    write_renamed(file, checkpoint.loading, out)


def _behaviour(asked: DiffRequest, diff: Diff) -> Behaviour:
    """Both networks with numbers, on the device that was asked for, or on cpu."""
    faulty = [name for name, side in _sides(diff) if side.has_errors or not side.result.complete]
    if faulty:
        return Behaviour("not compared", text=f"the {faulty[0]} network has faults")
    inputs = diff.base.result.inputs
    if diff.head.result.inputs != inputs:
        return Behaviour("not compared", text="the networks take different inputs")
    device = "cpu" if asked.request.device == "meta" else asked.request.device
    request = replace(asked.request, device=device, inputs=inputs)
    with _side("base", asked.base):
        base, worlds = _built(asked.base, replace(request, edits=(), expect=None))
    with _side("modified", asked.head):
        head, others = _built(asked.head, request)
    names = diff.checkpoint.loading
    copied = share(base, head, names)
    outputs = []
    for (name, _), module, codes in zip(_sides(diff), (base, head), (worlds, others), strict=True):
        try:
            with ExitStack() as stack:
                for code in codes:
                    stack.enter_context(code.active())
                stack.enter_context(guarded("running its forward"))
                outputs.append(outputs_of(module, inputs, device))
        except ModelError as error:
            return Behaviour("not compared", text=f"the {name} network: {error.message}")
    return compare_outputs(outputs[0], outputs[1], copied)


def _built(target: Target, request: Request) -> tuple[nn.Module, tuple[UserCode, ...]]:
    return edited_module(load(target, request.device), request)


def _sides(diff: Diff) -> tuple[tuple[str, Report], tuple[str, Report]]:
    return ("base", diff.base), ("modified", diff.head)
