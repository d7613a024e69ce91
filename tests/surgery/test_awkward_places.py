"""Places that are easily got wrong: decorated forwards, shared lines, keywords, looping owners."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from stitchcli import inspect, stitch
from stitchcli.errors import EditError

X = (2, 4, 8, 8)


def x() -> Tensor:
    return torch.randn(X, generator=torch.Generator().manual_seed(0))


def doubled(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs) * 2

    return wrapper


class Decorated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)

    @doubled
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.conv(x), x], 1)


class Fuse(nn.Module):
    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        return deep + skip


class Keywords(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fuse = nn.Conv2d(4, 4, 1), Fuse()

    def forward(self, x: Tensor) -> Tensor:
        return self.fuse(self.conv(x), skip=x)  # type: ignore[no-any-return]


class First(nn.Module):
    """Gives back what it takes for the skip connection."""

    def forward(self, skip: Tensor, x: Tensor) -> Tensor:
        return skip + 0 * x


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fuse = nn.Conv2d(4, 4, 1), Fuse()

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.fuse(self.conv(x), x), x.relu() + self.conv(x)], 1)


class Residual(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)  # type: ignore[no-any-return]


class Branches(nn.ModuleDict):
    def forward(self, x: Tensor) -> Tensor:
        for each in self.values():
            x = each(x)
        return x


class Line(nn.Module):
    """One line for three additions of one width."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(4, 4, 1) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = x + conv(x)
        return x


class Named(nn.Module):
    """Children that are called like roles and families."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv = nn.Conv2d(4, 8, 1), nn.Conv2d(8, 8, 3, padding=1)
        self.down, self.head = nn.MaxPool2d(2), nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.down(self.conv(self.stem(x))))  # type: ignore[no-any-return]


class Holder(nn.Module):
    """Takes a module as an argument."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)  # type: ignore[no-any-return]


HERE = __file__


def test_decorators_stay() -> None:
    net = Decorated().eval()
    edited = stitch(net, ["--wrap cat=series(self)"], input=X)
    torch.testing.assert_close(edited(x()), net(x()))
    assert not torch.allclose(edited(x())[:, 4:], x())


def test_new_blocks_are_in_the_mode_of_their_network() -> None:
    for edit in ("--after conv=bam", "--after cat=bam", "--wrap conv=series(self, bam)"):
        edited = stitch(Decorated().eval(), [edit], input=X)
        assert not any(each.training for each in edited.modules())
        assert all(each.training for each in stitch(Decorated(), [edit], input=X).modules())


def test_composites_are_called_with_keywords() -> None:
    net = Keywords().eval()
    for block in ("bifpn+se", "parallel(bifpn, aff)", "matched(bifpn)"):
        report = inspect(net, [f"--replace 'name:fuse={block}'"], input=X)
        assert not report.has_errors
        called = {b.path for b in report.applied[0].built} - report.result.called
        assert not called


def test_names_tell_the_skip_connection_everywhere() -> None:
    for edit in (
        f"name:fuse={HERE}:First",
        f"'name:fuse=series({HERE}:First, Identity)'",
        f"'name:fuse=parallel({HERE}:First, {HERE}:First, merge=mean)'",
    ):
        edited = stitch(Two().eval(), [f"--replace {edit}"], input=X)
        torch.testing.assert_close(edited(x())[:, :4], x())


@pytest.mark.parametrize(
    "owner", [Residual(nn.Conv2d(4, 4, 1)), Branches({"a": nn.Conv2d(4, 4, 1)})]
)
def test_owners_that_go_over_their_children_are_refused(owner: nn.Module) -> None:
    net = nn.Sequential(owner)
    edit = "--after 0/add=se" if isinstance(owner, Residual) else "--after 0=se"
    with pytest.raises(EditError, match="goes over its children"):
        inspect(net, [edit], input=X)


def test_one_line_cannot_get_two_blocks() -> None:
    with pytest.raises(EditError, match="told apart"):
        inspect(Line(), ["--after add@0=se", "--after add@1=eca", "--after add@2=se"], input=X)
    report = inspect(Line(), ["--after add=se"], input=X)
    assert not report.has_errors


def test_stitched_twice() -> None:
    once = stitch(Line().eval(), ["--after add=se"], input=X)
    again = stitch(once, ["--wrap convs.0=series(self)"], input=X)
    torch.testing.assert_close(again(x()), once(x()))
    net = stitch(Decorated().eval(), ["--after conv=se"], input=X)
    cat = stitch(net, ["--wrap cat=series(self)"], input=X)
    torch.testing.assert_close(cat(x()), net(x()))


def test_functional_calls_of_a_module_that_is_wrapped_too() -> None:
    edits = ["--wrap cat=series(self)", "--after conv=Identity", "--wrap 'Decorated=series(self)'"]
    net = Decorated().eval()
    torch.testing.assert_close(stitch(net, edits, input=X)(x()), net(x()))


@pytest.mark.parametrize("at", ["head", "down", "conv", "stem"])
def test_children_that_are_called_like_roles(at: str) -> None:
    report = inspect(Named(), [f"--replace name:{at}=pointwise(cin, 5)"], input=X)
    (fault,) = [each for each in report.diagnostics if each.code == "ST108"]
    fix = fault.fixes[0]
    assert fix.verification is not None and fix.verification.solved


def test_formulas_in_nested_blocks_speak_of_the_place() -> None:
    holder = f"{HERE}:Holder"
    block = f"series({holder}(Conv2d(cin, 4*cin, 1)), {holder}(Conv2d(4*cin, cout, 1)))"
    report = inspect(Named(), [f"--replace 'name:stem={block}'"], input=X)
    assert not report.has_errors
    widths = {w.shape[:2] for w in report.result.weights if ".inner.weight" in w.path}
    assert widths == {(16, 4), (8, 16)}


def test_every_built_path_exists_and_ran() -> None:
    edits = ["--replace cat=eff", "--wrap cat=residual(self)", "--after cat=se", "--after conv=eca"]
    report = inspect("unet", [*edits[:1], *edits[2:3]], input="1x3x32x32", device="meta")
    for item in report.applied:
        for built in item.built:
            assert built.path in report.result.called
            assert report.result.layers[built.path].block == built.block


def test_jit_trace_runs_the_blocks() -> None:
    edited = stitch(Line().eval(), ["--after add=se"], input=X)
    traced = torch.jit.trace(edited, x(), check_trace=False)
    torch.testing.assert_close(traced(x()), edited(x()))


def test_fewer_layers_have_fewer_weights() -> None:
    net = nn.Sequential(nn.LSTM(16, 32, 2, batch_first=True))
    report = inspect(net, ["--set LSTM.num_layers=1"], input="1x10x16")
    assert report.result.params == 4 * 32 * (16 + 32 + 2)
