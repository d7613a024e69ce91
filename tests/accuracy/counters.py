"""Every counter on one network: parameters and multiply-accumulates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature

from accuracy.networks import Net
from oracles import torch_macs
from torch import Tensor, nn

from stitchcli import inspect
from stitchcli.peers.fvcore import ByName
from stitchcli.records import Target, TensorSpec
from stitchcli.sources.load import load
from stitchcli.tracing.trace import dummy_inputs

Count = tuple[int, int]


def inputs_of(net: Net) -> list[str] | None:
    """The inputs that the entry names, as words."""
    return net.input.split() if net.input else None


def built(net: Net) -> tuple[nn.Module, tuple[Tensor, ...], dict[str, Tensor]]:
    """The network in eval mode, and what it is given by position and by name."""
    specs = inspect(net.target, arguments=net.arguments, input=inputs_of(net), device="meta")
    network = load(Target(net.target, tuple(net.arguments.items())), quick=True)
    args, kwargs = dummy_inputs(specs.result.inputs, "cpu")
    return network.module.eval(), args, kwargs


def by_stitch(net: Net) -> Count:
    """Ours, on real tensors."""
    found = inspect(net.target, arguments=net.arguments, input=inputs_of(net), device="cpu").result
    assert not found.uncounted
    return found.params, found.macs


def by_torch(net: Net) -> Count:
    """The reference: unique parameters, and torch's own counter below every fused kernel."""
    network, args, kwargs = built(net)
    unique = {id(parameter): parameter.numel() for parameter in network.parameters()}
    network.requires_grad_(False)  # torch's counter refuses views of parameters that require it
    return sum(unique.values()), torch_macs(network, *args, **kwargs) + net.beyond


def by_torchinfo(net: Net) -> Count:
    """``torchinfo.summary``."""
    import torchinfo

    network, args, kwargs = built(net)
    found = torchinfo.summary(network, input_data=list(args) or kwargs, verbose=0)
    return int(found.total_params), int(found.total_mult_adds)


def by_fvcore(net: Net) -> Count:
    """``fvcore.nn.FlopCountAnalysis``, which calls a multiply-accumulate a flop."""
    from fvcore.nn import FlopCountAnalysis, parameter_count

    network, args, kwargs = built(net)
    given = ByName(network, tuple(kwargs)) if kwargs else network
    analysis = FlopCountAnalysis(given, (*args, *kwargs.values()))
    return int(parameter_count(network)[""]), int(analysis.total())


def by_ptflops(net: Net, backend: str) -> Count:
    """``ptflops.get_model_complexity_info``."""
    from ptflops import get_model_complexity_info

    network, args, kwargs = built(net)
    names = list(signature(network.forward).parameters)
    named = {**dict(zip(names, args, strict=False)), **kwargs}
    macs, params = get_model_complexity_info(
        network, (1,), input_constructor=lambda _: named, as_strings=False,
        print_per_layer_stat=False, verbose=False, backend=backend,
    )  # fmt: skip
    if macs is None or params is None:
        raise RuntimeError("it printed an error and gave nothing")
    return int(params), int(macs)


def by_calflops(net: Net) -> Count:
    """``calflops.calculate_flops``."""
    from calflops import calculate_flops

    network, args, kwargs = built(net)
    given = {"kwargs": kwargs} if kwargs else {"args": list(args)}
    _, macs, params = calculate_flops(
        network, **given, print_results=False, print_detailed=False, output_as_string=False
    )
    return int(params), int(macs)


def by_thop(net: Net) -> Count:
    """``thop.profile``."""
    from thop import profile

    network, args, kwargs = built(net)
    given = ByName(network, tuple(kwargs)) if kwargs else network
    macs, params = profile(given, inputs=(*args, *kwargs.values()), verbose=False)
    return int(params), int(macs)


#: By the names that the page has for them; the first two are held to be equal.
COUNTERS: dict[str, Callable[[Net], Count]] = {
    "stitch": by_stitch,
    "torch": by_torch,
    "torchinfo": by_torchinfo,
    "fvcore": by_fvcore,
    "ptflops": lambda net: by_ptflops(net, "pytorch"),
    "ptflops (aten)": lambda net: by_ptflops(net, "aten"),
    "calflops": by_calflops,
    "thop": by_thop,
}


def specs_at(specs: Sequence[TensorSpec], batch: int) -> list[TensorSpec]:
    """The same inputs, so many times as many samples."""
    return [
        TensorSpec((batch * spec.shape[0], *spec.shape[1:]), spec.dtype, spec.name)
        for spec in specs
    ]
