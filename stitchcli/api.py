"""The Python API: the same audit and the same edits, on a live module or on a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from torch import nn

from stitchcli.errors import StitchError
from stitchcli.pipeline import Request, audit, edited_module, inspect_target
from stitchcli.records import Edit, Report, Target, TensorSpec
from stitchcli.sources.load import load
from stitchcli.sources.network import Network
from stitchcli.words.edits import parse_edit
from stitchcli.words.shapes import parse_spec

Input = str | Sequence[int] | TensorSpec


def inspect(
    network: nn.Module | str,
    edits: Sequence[str | Edit] = (),
    *,
    input: Input | Sequence[Input] | None = None,
    arguments: Mapping[str, Any] | None = None,
    device: str = "cpu",
    mode: Literal["eval", "train"] = "eval",
    depth: int | None = None,
) -> Report:
    """What ``stitch inspect`` knows about a network.

    ``network`` is a live module, which is left as it was, or a target such as ``"unet"`` or
    ``"model.py:Net"``. ``edits`` are flags (``"--replace conv=dwconv"``) or Edit records.
    ``input`` is ``"1x3x256x256"``, ``(1, 3, 256, 256)``, or a list of such. Raises StitchError.
    """
    request = Request(_edits(edits), _inputs(input), device, mode, depth)
    if isinstance(network, nn.Module):
        return audit(_live(network), request)
    return inspect_target(Target(network, tuple((arguments or {}).items())), request)


def stitch(
    network: nn.Module | str,
    edits: Sequence[str | Edit],
    *,
    input: Input | Sequence[Input] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> nn.Module:
    """The edited network, an ordinary nn.Module that trains.

    A live module is copied, weights included, and left as it was. Raises StitchError.
    """
    request = Request(_edits(edits), _inputs(input))
    if isinstance(network, nn.Module):
        return edited_module(_live(network), request)
    loaded = load(Target(network, tuple((arguments or {}).items())))
    loaded.user_code.publish()
    return edited_module(loaded, request)


def _live(module: nn.Module) -> Network:
    name = type(module).__name__
    device = next((str(p.device) for p in module.parameters()), "cpu")
    return Network(name, name, module, device, owned=False)


def _edits(edits: Sequence[str | Edit]) -> tuple[Edit, ...]:
    if isinstance(edits, str):
        raise StitchError("edits is a string", "give a list, as in ['--replace conv=dwconv']")
    return tuple(parse_edit(edit) if isinstance(edit, str) else edit for edit in edits)


def _inputs(given: Input | Sequence[Input] | None) -> tuple[TensorSpec, ...]:
    match given:
        case None:
            return ()
        case TensorSpec():
            return (given,)
        case str():
            return (parse_spec(given),)
    sizes = [size for size in given if isinstance(size, int)]
    if len(sizes) == len(given):
        return (TensorSpec(tuple(sizes)),)
    return tuple(spec for each in given if not isinstance(each, int) for spec in _inputs(each))
