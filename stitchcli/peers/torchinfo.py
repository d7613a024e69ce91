"""torchinfo: multiplies the weights of each layer without children by sizes of its output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from math import prod
from typing import Any

from torch import Tensor, nn

from stitchcli.peers.reasons import Ledger
from stitchcli.records import PeerCount, Trace
from stitchcli.tracing.containers import walk

_DEEPEST = 20
_OUTSIDE = "(no part of the network)"


def count(
    module: nn.Module, args: Sequence[Tensor], kwargs: Mapping[str, Tensor], trace: Trace
) -> PeerCount:
    """What it counts; an exception is passed on. The network may be left in another mode. Raises
    RecursionError for levels of modules that would keep it busy for ever."""
    levels = max((path.count(".") + 1 for path, _ in walk(module) if path), default=0)
    if levels > _DEEPEST:
        raise RecursionError(f"{levels} levels of modules, and each doubles the time it takes")
    import torchinfo

    found = torchinfo.summary(
        module, input_data=list(args) or dict(kwargs), verbose=0, col_names=(), mode=trace.mode
    )
    paths = {id(each): path for path, each in walk(module)}
    layers: dict[str, list[Any]] = {}
    for layer in found.summary_list:
        layers.setdefault(paths.get(id(layer.module), _OUTSIDE), []).append(layer)
    modules = dict(walk(module))
    return PeerCount(
        "torchinfo",
        metadata.version("torchinfo"),
        params=int(found.total_params),
        macs=int(found.total_mult_adds),
        params_because=_params(layers, trace).reasons(),
        macs_because=_macs(layers, modules, trace).reasons(),
    )


def _params(layers: Mapping[str, Sequence[Any]], trace: Trace) -> Ledger:
    ledger, over = Ledger(), Counter[str]()
    for weight in trace.weights:
        if not weight.is_buffer:
            over[weight.path.rpartition(".")[0]] -= weight.count
    for path, found in layers.items():
        for layer in found:
            if not layer.is_recursive:
                own = layer.num_params if layer.is_leaf_layer else layer.leftover_params()
                over[path] += max(own, 0)
    _settle(over)
    for path, amount in over.items():
        if amount < 0:
            ledger.add("parameters not counted", amount, path)
        elif path in layers and layers[path][0].is_leaf_layer:
            ledger.add("tied weights counted more than once", amount, path)
        else:
            ledger.add("weights below containers that are never called counted again", amount, path)
    return ledger


def _settle(over: Counter[str]) -> None:
    """What a module counts of its children's is no difference where these do not count it."""
    for path in [path for path, amount in over.items() if amount < 0]:
        above = path
        while above and over[path] < 0:
            above = above.rpartition(".")[0]
            if (lent := min(over.get(above, 0), -over[path])) > 0:
                over[above] -= lent
                over[path] += lent


def _macs(
    layers: Mapping[str, Sequence[Any]], modules: Mapping[str, nn.Module], trace: Trace
) -> Ledger:
    ledger = Ledger()
    ours: dict[str, Counter[str]] = {}
    for call in trace.calls:
        if call.macs:
            name = call.kind or call.op or ""
            ours.setdefault(call.path, Counter())[name] += call.macs
    for path in {**ours, **layers}:
        leaves = [layer for layer in layers.get(path, ()) if layer.is_leaf_layer]
        theirs = sum(layer.macs for layer in leaves)
        mine = ours.get(path, Counter())
        if not theirs:
            for name, macs in mine.items():
                ledger.add(f"{name} not counted", -macs, path)
            continue
        rest = theirs - sum(mine.values())
        for why, amount in _known(modules.get(path), leaves, trace, path):
            amount = rest if amount is None else amount
            ledger.add(why, amount, path)
            rest -= amount
        ledger.add(f"{leaves[0].class_name} counted otherwise", rest, path)
    return ledger


def _known(
    module: nn.Module | None, leaves: Sequence[Any], trace: Trace, path: str
) -> Iterator[tuple[str, int | None]]:
    """Why a layer's count differs, with amounts; None is all that is left."""
    match module:
        case None:
            yield "layers that are no part of the network counted", None
        case nn.RNNBase():
            biases = sum(p.numel() for name, p in module.named_parameters() if "bias" in name)
            yield "biases counted", sum(biases * prod(leaf.output_size[:2]) for leaf in leaves)
        case nn.Embedding() | nn.EmbeddingBag():
            yield "embedding tables counted as if they were multiplied", None
        case _ if trace.layers[path].family == "norm":
            yield "norms counted", None
        case _:
            sizes = [leaf.output_size for leaf in leaves]
            is_conv = "Conv" in type(module).__name__
            positions = sum(prod(s[:1] + s[2:]) if is_conv else s[0] for s in sizes)
            bias, mask = getattr(module, "bias", None), getattr(module, "weight_mask", None)
            if isinstance(bias, nn.Parameter):
                yield "biases counted", bias.numel() * positions
            if isinstance(mask, Tensor) and not mask.is_meta:
                yield "pruned weights not counted", -int((mask == 0).sum()) * positions
            if isinstance(module, nn.Linear) and any(len(size) > 2 for size in sizes):
                yield "positions ignored: linear layers counted once per sample", None
            elif "ConvTranspose" in type(module).__name__:
                yield "transposed convolutions counted at their outputs", None
            elif not any(call.macs for call in trace.module_calls.get(path, ())):
                yield "weights that multiply no matrix counted", None
