"""fvcore: follows a network with torch.jit.trace and has formulas for some of the operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from torch import Tensor, nn

from stitchcli.peers.reasons import Ledger
from stitchcli.records import PeerCount, Trace

#: What its formulas beyond convolutions and products are for.
_EXTRAS = {
    "batch_norm": "norms counted",
    "layer_norm": "norms counted",
    "group_norm": "norms counted",
    "instance_norm": "norms counted",
    "upsample_nearest2d": "interpolation counted",
    "upsample_bilinear2d": "interpolation counted",
    "adaptive_avg_pool2d": "pooling counted",
    "grid_sampler": "sampling of grids counted",
}
_CONVOLUTIONS = frozenset(
    "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution "
    "_convolution_mode mkldnn_convolution".split()
)
_PRODUCTS = ("linear", "matmul", "mm", "addmm", "bmm", "einsum")
#: What it has no formula for, and multiplies.
_MULTIPLIES = frozenset(
    """
    scaled_dot_product_attention _native_multi_head_attention lstm gru rnn_tanh rnn_relu lstm_cell
    gru_cell rnn_tanh_cell rnn_relu_cell baddbmm addbmm mv dot bilinear addmv outer chain_matmul
    tensordot inner _transformer_encoder_layer_fwd
    """.split()
)


class ByName(nn.Module):
    """Hands inputs on under their names, for counters that give them by position."""

    def __init__(self, network: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.network = network
        self._names = names

    def forward(self, *tensors: Tensor) -> Any:
        return self.network(**dict(zip(self._names, tensors, strict=True)))


def count(
    module: nn.Module, args: Sequence[Tensor], kwargs: Mapping[str, Tensor], trace: Trace
) -> PeerCount:
    """What it counts; an exception is passed on."""
    from fvcore.nn import FlopCountAnalysis, parameter_count

    network = ByName(module, tuple(kwargs)) if kwargs else module
    analysis = FlopCountAnalysis(network, (*args, *kwargs.values()))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    theirs = Counter({name: int(macs) for name, macs in analysis.by_operator().items()})
    missed = [name.removeprefix("aten::") for name in analysis.unsupported_ops()]
    params = int(parameter_count(module)[""])
    ledger = Ledger()
    ledger.add("parameters counted otherwise", params - trace.params)
    return PeerCount(
        "fvcore",
        metadata.version("fvcore"),
        params=params,
        macs=sum(theirs.values()),
        params_because=ledger.reasons(),
        macs_because=_macs(theirs, missed, trace).reasons(),
    )


def _macs(theirs: Counter[str], missed: Sequence[str], trace: Trace) -> Ledger:
    ledger = Ledger()
    mine = Counter[str]()
    for op, macs in trace.macs_by_op.items():
        is_conv = "conv" in op and not op.startswith("torchvision")
        mine["conv" if is_conv else "products"] += macs
    convolutions = theirs.pop("conv", 0) - mine["conv"]
    products = sum(theirs.pop(op, 0) for op in _PRODUCTS) - mine["products"]
    for kind, amount, known in (
        ("convolutions", convolutions, _CONVOLUTIONS), ("matrix products", products, _MULTIPLIES),
    ):  # fmt: skip
        names = ", ".join(name for name in missed if name in known)
        why = f"not counted: {names}" if amount < 0 and names else f"{kind} counted otherwise"
        ledger.add(why, amount)
    for op, macs in theirs.items():
        ledger.add(_EXTRAS.get(op, f"{op} counted"), macs)
    return ledger
