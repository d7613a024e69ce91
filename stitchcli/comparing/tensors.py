"""What becomes of the tensors of one network's state dict in the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from stitchcli.comparing.align import Alignment
from stitchcli.comparing.own_weights import paired_weights
from stitchcli.records import Checkpoint, Fate, Shape, Tensor, Trace, Weight


def checkpoint_of(found: Alignment, base: Trace, head: Trace) -> Checkpoint:
    """How base's state dict fits the other network."""
    partners = dict(_partners(found))
    mine, theirs = _keys(base), state_shapes(head)
    where = _targets(partners, base, mine, _keys(head))
    tensors = []
    for key, (weight, is_first) in mine.items():
        params = weight.count if is_first and not weight.is_buffer else 0
        tensors.append(
            _tensor(Tensor(key, weight.shape, "missing", params), where.get(key), theirs)
        )
    return replace(
        _checkpoint(tensors, theirs), overwritten=_overwritten(tensors, mine, _keys(head))
    )


def _overwritten(
    tensors: list[Tensor],
    mine: Mapping[str, tuple[Weight, bool]],
    theirs: Mapping[str, tuple[Weight, bool]],
) -> tuple[str, ...]:
    """Keys of different weights that load into one weight of the other network, less the last."""
    last: dict[str, str] = {}
    for each in tensors:
        if each.fate in ("as_is", "renamed"):
            last[theirs[each.head][0].path] = each.key
    return tuple(
        each.key
        for each in tensors
        if each.fate in ("as_is", "renamed")
        and mine[last[theirs[each.head][0].path]][0] is not mine[each.key][0]
    )


def fitted(
    own: Checkpoint, shapes: Mapping[str, Shape], theirs: Mapping[str, Shape], file: str
) -> Checkpoint:
    """The same for the tensors of a checkpoint: those that base has go where base's go, the rest
    where the other network (``theirs``) has them by the same name and shape."""
    known = {each.key: each for each in own.tensors}
    taken = {known[key].head for key in shapes if key in known}
    tensors = []
    for key, shape in shapes.items():
        if (mate := known.get(key)) is not None:
            tensor, target = replace(mate, shape=shape), mate.head
        else:
            tensor = Tensor(key, shape, "missing", _count(shape))
            target = key if theirs.get(key) == shape and key not in taken else ""
        tensors.append(_tensor(tensor, target, theirs))
    lost = tuple(key for key in own.overwritten if key in shapes)
    return replace(_checkpoint(tensors, theirs), file=file, overwritten=lost)


def state_shapes(trace: Trace) -> dict[str, Shape]:
    """The keys of a network's state dict, and the shapes of its tensors."""
    return {key: weight.shape for key, (weight, _) in _keys(trace).items()}


def _checkpoint(tensors: list[Tensor], theirs: Mapping[str, Shape]) -> Checkpoint:
    used = {each.head for each in tensors if each.head}
    mistaken = tuple(
        each.key
        for each in tensors
        if each.fate in ("renamed", "missing") and theirs.get(each.key) == each.shape
    )
    return Checkpoint(tuple(tensors), tuple(key for key in theirs if key not in used), mistaken)


def _tensor(tensor: Tensor, target: str | None, theirs: Mapping[str, Shape]) -> Tensor:
    """What becomes of a tensor that belongs to ``target``, if to any."""
    if not target:
        return replace(tensor, fate="missing", head="", head_shape=())
    fate: Fate = "as_is" if target == tensor.key else "renamed"
    fate = fate if theirs[target] == tensor.shape else "reshaped"
    return replace(tensor, fate=fate, head=target, head_shape=theirs[target])


def _keys(trace: Trace) -> dict[str, tuple[Weight, bool]]:
    """The state dict's keys, each with its tensor, and whether it is that tensor's first."""
    return {
        key: (weight, index == 0)
        for weight in trace.weights
        if weight.is_saved
        for index, key in enumerate((weight.path, *weight.aliases))
    }


def _targets(
    partners: Mapping[str, Weight],
    base: Trace,
    mine: Mapping[str, tuple[Weight, bool]],
    theirs: Mapping[str, tuple[Weight, bool]],
) -> dict[str, str]:
    """Key of base → key of the other network that it belongs to."""
    where: dict[str, str] = {}
    for weight in base.weights:
        partner = partners.get(weight.path)
        if weight.is_saved and partner is not None and partner.is_saved:
            names, others = (weight.path, *weight.aliases), (partner.path, *partner.aliases)
            where |= {key: key for key in names if key in others}
            rest = [key for key in names if key not in others]
            free = [key for key in others if key not in names]
            where |= dict(zip(rest, free, strict=False))
    taken = set(where.values())
    # a tensor that is paired with nothing still loads by its name
    where |= {key: key for key in mine if key not in where and key in theirs and key not in taken}
    return where


def _partners(found: Alignment) -> Iterator[tuple[str, Weight]]:
    """The weight that each weight of base is in the other network, by the former's path."""
    for node, partner in (*found.alike, *found.head_of.items()):
        for one, other in paired_weights(node, partner):
            if one is not None and other is not None:
                yield one.path, other


def _count(shape: Shape) -> int:
    total = 1
    for size in shape:
        total *= size
    return total
