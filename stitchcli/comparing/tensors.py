"""What becomes of the tensors of one network's state dict in the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from stitchcli.comparing.align import Alignment
from stitchcli.comparing.own_weights import paired_weights
from stitchcli.records import Checkpoint, Shape, Tensor, Trace, Weight


def checkpoint_of(found: Alignment, base: Trace, head: Trace) -> Checkpoint:
    """How base's state dict fits the other network."""
    partners = dict(_partners(found))
    mine, theirs = _keys(base), _keys(head)
    where = _targets(partners, base, mine, theirs)
    tensors = []
    for key, (weight, is_first) in mine.items():
        params = weight.count if is_first and not weight.is_buffer else 0
        target = where.get(key, "")
        tensors.append(_tensor(key, weight.shape, target, theirs, params))
    used = {each.head for each in tensors if each.head}
    mistaken = tuple(
        each.key
        for each in tensors
        if each.fate in ("renamed", "missing")
        and each.key in theirs
        and theirs[each.key][0].shape == each.shape
    )
    return Checkpoint(tuple(tensors), tuple(key for key in theirs if key not in used), mistaken)


def fitted(own: Checkpoint, shapes: Mapping[str, Shape], file: str) -> Checkpoint:
    """The same for the tensors of a checkpoint: those that base has go where base's go, and the
    rest where the other network has them by the same name and shape."""
    known = {each.key: each for each in own.tensors}
    wanted = {each.head: each.head_shape for each in own.tensors if each.head}
    tensors = []
    for key, shape in shapes.items():
        count = _count(shape)
        mate = known.get(key)
        if mate is None:
            fate = "missing" if wanted.get(key) != shape else "as_is"
            tensors.append(Tensor(key, shape, fate, count, key if fate == "as_is" else ""))  # type: ignore[arg-type]
        elif mate.head and mate.head_shape != shape:
            tensors.append(replace(mate, shape=shape, fate="reshaped"))
        else:
            fate = "missing" if not mate.head else "as_is" if mate.head == key else "renamed"
            tensors.append(replace(mate, shape=shape, fate=fate))  # type: ignore[arg-type]
    used = {each.head for each in tensors if each.head}
    new = (*own.new, *(key for key in wanted if key not in used))
    return Checkpoint(
        tuple(tensors), tuple(key for key in new if key not in used), own.mistaken, file
    )


def _tensor(
    key: str,
    shape: Shape,
    target: str,
    theirs: Mapping[str, tuple[Weight, bool]],
    params: int,
) -> Tensor:
    if not target:
        return Tensor(key, shape, "missing", params)
    other = theirs[target][0].shape
    if other != shape:
        return Tensor(key, shape, "reshaped", params, target, other)
    return Tensor(key, shape, "as_is" if target == key else "renamed", params, target, other)


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
    for node, partner in found.head_of.items():
        for one, other in paired_weights(node, partner):
            if one is not None and other is not None:
                yield one.path, other


def _count(shape: Shape) -> int:
    total = 1
    for size in shape:
        total *= size
    return total
