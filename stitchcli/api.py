"""The Python API: the same audit and the same edits, on a live module or on a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike, fspath
from typing import Any, Literal

from torch import Tensor, nn

from stitchcli.difference import diff_reports
from stitchcli.errors import StitchError
from stitchcli.filters import make_filter
from stitchcli.pipeline import Request, audit, edited_module, inspect_target
from stitchcli.records import Column, Diff, Edit, Report, Target, TensorSpec
from stitchcli.sources.load import check_device, load
from stitchcli.sources.network import Network
from stitchcli.surgery.copies import full_copy
from stitchcli.tracing.containers import device_of, dtype_name
from stitchcli.tracing.preserve import random_states
from stitchcli.words.columns import parse_columns
from stitchcli.words.edits import parse_edit
from stitchcli.words.shapes import parse_spec

Input = str | Sequence[int] | TensorSpec | Tensor


def inspect(
    network: nn.Module | str,
    edits: Sequence[str | Edit] = (),
    *,
    input: Input | Sequence[Input] | None = None,
    arguments: Mapping[str, Any] | None = None,
    device: str | None = None,
    mode: Literal["eval", "train"] = "eval",
    depth: int | None = None,
    blocks: Sequence[str | PathLike[str]] = (),
    verify: bool = False,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    backward: bool = False,
    columns: Sequence[Column | Literal["all"]] = (),
    cross_check: bool = False,
) -> Report:
    """What ``stitch inspect`` knows about a network.

    ``network`` is a live module, which is left as it was, or a target such as ``"unet"`` or
    ``"model.py:Net"``. ``edits`` are flags (``"--replace conv=dwconv"``) or Edit records.
    ``input`` is ``"1x3x256x256"``, ``(1, 3, 256, 256)``, or a list of such. ``device`` is the live
    module's own, or ``"cpu"``, unless it is given. ``blocks`` are folders with blocks of your own.
    ``verify`` checks the edited network with numbers too. ``select`` and ``ignore`` are codes, or
    beginnings of codes, of the findings to report. ``backward`` looks for parameters that are
    given no gradient. ``columns`` are names of ``COLUMNS``, or "all" but "seconds", which runs the
    network several times. ``cross_check`` counts with torchinfo and fvcore too. Raises StitchError.
    """
    if not isinstance(network, nn.Module | str):
        raise StitchError(
            f"{network!r} is no network", "give an nn.Module, not its class, or a target's name"
        )
    if mode not in ("eval", "train"):
        raise StitchError(f"there is no mode {mode!r}", "give 'eval' or 'train'")
    words, specs, folders = _edits(edits), _inputs(input), _folders(blocks)
    filter = make_filter(_codes(select, "select"), _codes(ignore, "ignore"))
    request = Request(
        words, specs, device or "cpu", mode, depth, None, verify, folders, filter,
        backward=backward, columns=parse_columns(columns), cross_check=cross_check,
    )  # fmt: skip
    with random_states():
        if isinstance(network, nn.Module):
            live = _live(network, device)
            return audit(live, replace(request, device=live.device))
        return inspect_target(Target(network, tuple((arguments or {}).items())), request)


def stitch(
    network: nn.Module | str,
    edits: Sequence[str | Edit],
    *,
    input: Input | Sequence[Input] | None = None,
    arguments: Mapping[str, Any] | None = None,
    blocks: Sequence[str | PathLike[str]] = (),
) -> nn.Module:
    """The edited network, an ordinary nn.Module that trains.

    A live module is copied, weights included, and left as it was. ``blocks`` are folders with
    blocks of your own. Raises StitchError.
    """
    request = Request(_edits(edits), _inputs(input), blocks=_folders(blocks))
    if isinstance(network, nn.Module):
        loaded = _live(network)
    else:
        loaded = load(Target(network, tuple((arguments or {}).items())))
    module, worlds = edited_module(loaded, request)
    for world in worlds:
        world.publish()
    return module


def diff(
    base: nn.Module | str,
    head: nn.Module | str,
    edits: Sequence[str | Edit] = (),
    *,
    input: Input | Sequence[Input] | None = None,
    device: str | None = None,
    blocks: Sequence[str | PathLike[str]] = (),
    moved: Mapping[str, str] | None = None,
) -> Diff:
    """What ``stitch diff`` knows about two networks: ``changes`` whose deltas add up to the
    difference of the totals, ``renames``, and what becomes of base's state dict.

    Each is a live module or a target; ``edits`` are carried out on ``head``. Both run on the input
    of base where none is given, targets on meta unless ``device`` is given. ``moved`` maps paths
    of base to those that they are in ``head``. Raises StitchError.
    """

    def on(network: nn.Module | str) -> str | None:
        return device or ("meta" if isinstance(network, str) else None)

    one = inspect(base, input=input, device=on(base))
    specs = input if input is not None else list(one.result.inputs)
    other = inspect(head, edits, input=specs, device=on(head), blocks=blocks)
    return diff_reports(one, other, moved or {})


def _live(module: nn.Module, device: str | None = None) -> Network:
    """A live module where it is, or a copy of it on another device."""
    name = type(module).__name__
    own = device_of(module)
    wanted = device or own
    if wanted.split(":")[0] == own.split(":")[0] or wanted == "meta":
        return Network(name, name, module, wanted, owned=False)
    check_device(wanted)
    if own == "meta":
        raise StitchError(
            f"the network is on meta, so it has no numbers for {wanted}", "leave out device"
        )
    return Network(name, name, full_copy(module).to(wanted), wanted)


def _edits(edits: Sequence[str | Edit]) -> tuple[Edit, ...]:
    if isinstance(edits, str):
        raise StitchError("edits is a string", "give a list, as in ['--replace conv=dwconv']")
    return tuple(parse_edit(edit) if isinstance(edit, str) else edit for edit in edits)


def _folders(blocks: Sequence[str | PathLike[str]]) -> tuple[str, ...]:
    if isinstance(blocks, str):
        raise StitchError("blocks is a string", "give a list of folders, as in ['my_blocks']")
    return tuple(fspath(each) for each in blocks)


def _codes(codes: Sequence[str], name: str) -> Sequence[str]:
    if isinstance(codes, str):
        raise StitchError(f"{name} is a string", "give a list of codes, as in ['ST202']")
    return codes


def _inputs(given: Input | Sequence[Input] | None) -> tuple[TensorSpec, ...]:
    match given:
        case None:
            return ()
        case Tensor():
            return (TensorSpec(tuple(given.shape), dtype_name(given.dtype)),)
        case TensorSpec():
            return (given,)
        case str():
            return (parse_spec(given),)
    sizes = [size for size in given if isinstance(size, int)]
    if len(sizes) == len(given):
        return (TensorSpec(tuple(sizes)),)
    return tuple(spec for each in given if not isinstance(each, int) for spec in _inputs(each))
