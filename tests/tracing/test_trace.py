"""What a trace sees: shapes, provenance, weights once, every mismatch; and what it leaves."""

from __future__ import annotations

import random
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stitchcli.records import TensorSpec, Trace
from stitchcli.tracing.trace import trace

IMAGE = [TensorSpec((1, 3, 32, 32))]


class Faulty(nn.Module):
    """Three independent faults in one forward."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(16, 24, 3, padding=1)
        self.up = nn.ConvTranspose2d(20, 4, 2, stride=2)
        self.norm = nn.BatchNorm2d(5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(self.first(x))
        return self.norm(self.up(F.max_pool2d(y, 2)))


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_it_goes_on_after_an_error(device: str) -> None:
    found = trace(Faulty().to(device), IMAGE, device=device)
    facts = [(p.path, p.expected, p.got) for p in found.problems]
    assert facts == [("second", 16, 8), ("up", 20, 24), ("norm", 5, 4)]
    assert found.complete and found.outputs[0].shape == (1, 4, 32, 32)


def test_every_device_sees_the_same_facts() -> None:
    cpu, meta = (trace(Faulty().to(d), IMAGE, device=d) for d in ("cpu", "meta"))
    assert cpu.problems == meta.problems
    assert [(c.path, c.op, c.macs) for c in cpu.calls] == [
        (c.path, c.op, c.macs) for c in meta.calls
    ]


def test_functional_calls_are_calls(traced: Callable[..., Trace]) -> None:
    found = traced("unet")
    cats = [call for call in found.calls if call.op == "cat"]
    assert [call.path for call in cats] == ["up1", "up2", "up3", "up4"]
    assert cats[0].site is not None and cats[0].site.file.endswith("unet.py")
    parts = [ref.shape[1] for ref in cats[0].inputs]
    assert parts == [512, 512] and cats[0].outputs[0].shape[1] == 1024
    producers = [found.calls[ref.producer or 0].path for ref in cats[0].inputs]
    assert producers[0].startswith("down3")


def test_a_functional_call_outside_any_module_has_its_own_line(
    traced: Callable[..., Trace],
) -> None:
    cats = [call for call in traced("unet-valid").calls if call.op == "cat"]
    assert len(cats) == 4 and {c.site.function for c in cats if c.site} == {"cat"}


def test_a_tied_weight_is_one_weight() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(10, 4)
            self.head = nn.Linear(4, 10, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.embed(x))

    found = trace(Tied(), [TensorSpec((1, 5), "int64")])
    (weight,) = found.weights
    assert found.params == 40 and weight.aliases == ("head.weight",)
    assert set(weight.users) == {"embed", "head"}


@dataclass
class Output:
    logits: Tensor
    extra: list[Tensor]


Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: (x, [x, x]),
        lambda x: {"a": x, "b": {"c": x, "d": x}},
        lambda x: Output(x, [x, x]),
        lambda x: [Pair(x, x), x],
    ],
)
def test_outputs_may_be_nested(wrap: Callable[[Tensor], object]) -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> object:
            return wrap(x * 2)

    assert [spec.shape for spec in trace(Net(), IMAGE).outputs] == [(1, 3, 32, 32)] * 3


class Messy(nn.Module):
    """Changes all it can in its forward, then raises if asked to."""

    def __init__(self, fail: bool) -> None:
        super().__init__()
        self.fail = fail
        self.norm = nn.BatchNorm2d(3)
        self.register_buffer("steps", torch.zeros(1))
        self.scale = nn.Parameter(torch.ones(3, 1, 1))
        self.seen: list[int] = []
        self.cache: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.steps += 1
        self.seen.append(1)
        self.cache = x
        with torch.no_grad():
            self.scale[0].mul_(3)
        self.new_attribute = True
        y = self.norm(x) * self.scale + torch.rand(1) + random.random()
        if self.fail:
            raise RuntimeError("for its own reasons")
        return y


@pytest.mark.parametrize("fail", [False, True])
def test_nothing_is_left_behind(fail: bool) -> None:
    network = Messy(fail).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    attributes = set(vars(network))
    call, init = nn.Module.__call__, nn.Module.__init__
    torch.manual_seed(1)
    random.seed(1)
    states = torch.get_rng_state(), random.getstate()
    for mode in ("train", "eval"):
        if fail:
            with pytest.raises(RuntimeError, match="own reasons"):
                trace(network, IMAGE, mode=mode)  # type: ignore[arg-type]
        else:
            trace(network, IMAGE, mode=mode)  # type: ignore[arg-type]
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert set(vars(network)) == attributes and network.seen == [] and network.cache is None
    assert network.training and network.norm.training and torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[1]
    assert nn.Module.__call__ is call and nn.Module.__init__ is init
    assert not network._forward_hooks and torch.backends.mha.get_fastpath_enabled()


def test_an_exception_that_the_network_catches_is_no_fault() -> None:
    class Careful(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            try:
                return torch.einsum("bchw,xy->b", x, x)
            except (RuntimeError, ValueError):
                return x + 1

    assert not trace(Careful(), IMAGE).problems


class Writer(nn.Module):
    """Writes to its buffers and attributes in every way that hides it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("out", torch.zeros(3))
        self.register_buffer("first", torch.zeros(4))
        self.register_buffer("second", self.first[:2])
        self.register_buffer("each", torch.ones(2))
        self.plain = torch.zeros(2)
        self.nested = {"k": [1]}

    def forward(self, x: Tensor) -> Tensor:
        torch.add(torch.ones(3), 1, out=self.out)
        self.second.add_(1)
        torch._foreach_mul_([self.each], 2.0)
        self.plain += 1
        self.nested["k"].append(2)
        return x * self.out.sum()


def test_writes_that_hide_are_undone() -> None:
    network = Writer()
    trace(network, IMAGE)
    assert network.out.sum() == network.first.sum() == network.plain.sum() == 0
    assert torch.equal(network.each, torch.ones(2)) and network.nested == {"k": [1]}


def test_numpy_names_of_arguments_are_no_fault() -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([x, x[:, :1]], axis=1).mean(axis=(2, 3), keepdims=True)

    assert not trace(Net(), IMAGE).problems


def test_tensors_of_the_user_are_not_marked() -> None:
    constant = torch.ones(3, 1, 1)

    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * constant.to(x.dtype)

    for _ in range(2):
        trace(Net(), IMAGE)
    assert constant.__dict__ == {}


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers_have_their_width_checked(kind: type[nn.Module], device: str) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = kind(12, 8, batch_first=True)
            self.fc = nn.Linear(9, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.rnn(x)[0])

    found = trace(Net().to(device), [TensorSpec((1, 5, 16))], device=device)
    assert [(p.path, p.expected, p.got) for p in found.problems] == [("rnn", 12, 16), ("fc", 9, 8)]


def test_what_the_light_kernels_stand_in_for_is_itself_afterwards() -> None:
    import subprocess
    import sys

    code = """
import torch
from torch import nn
from stitchcli import inspect
network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.GELU())
inspect(network, input="1x3x8x8", device="meta")
import sympy, torch._dynamo
assert sympy.Symbol and torch._dynamo.config
assert torch.compile(nn.Linear(3, 3), backend="eager")(torch.ones(1, 3)).shape == (1, 3)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
