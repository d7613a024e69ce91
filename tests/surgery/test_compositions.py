"""Blocks in series, in parallel, around what stood there, nested; and what does not fit."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from stitchcli import inspect, stitch
from stitchcli.records import Report

X = (2, 4, 8, 8)
WAYS = ["cv1=akconv", "cv1=series(self, akconv)", "parallel(self, akconv)"]


class Net(nn.Module):
    """Two convolutions and an activation of widths that differ."""

    def __init__(self, width: int = 63) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, width, 3, padding=1)
        self.last = nn.Conv2d(width, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(self.first(x))
        return out


def run(edit: str, **kwargs: Any) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    net = Net(**kwargs).eval()
    return net, stitch(net, [edit], input=X).eval()


def parts_of(module: nn.Module) -> Any:
    return next(m for name, m in module.named_children() if name.startswith("around_")).parts


def test_merges_do_what_they_say() -> None:
    x = torch.randn(X)
    for merge, expected in {
        "add": lambda a, b: a + b,
        "mul": lambda a, b: a * b,
        "mean": lambda a, b: (a + b) / 2,
    }.items():
        net, edited = run(f"--wrap 'first=parallel(self, dwconv, merge={merge})'")
        branch = parts_of(edited.first)[1]
        torch.testing.assert_close(edited.first(x), expected(net.first(x), branch(x)))


def test_concatenated_branches_double_the_width() -> None:
    report = inspect("csp", ["--wrap 'conv=parallel(self, self, merge=concat)'"][:0], device="meta")
    assert not report.has_errors
    net, edited = run("--wrap 'first=parallel(self, series(self, eca), merge=concat)'")
    x = torch.randn(X)
    assert edited.first(x).shape[1] == 126
    torch.testing.assert_close(edited.first(x)[:, :63], net.first(x))
    report = inspect(Net(), ["--wrap 'first=parallel(self, se, merge=concat)'"], input=X)
    assert report.applied[0].misfits[0].gives[1] == 63 + 4 and report.has_errors
    (fault,) = [each for each in report.diagnostics if each.severity == "error"]
    assert fault.code == "ST108" and fault.fixes[0].verification
    assert fault.fixes[0].verification.solved


def test_residual_and_series() -> None:
    net, edited = run("--wrap 'last=series(self, residual(eca))'")
    block = next(iter(edited.last.children()))
    x = torch.randn(2, 63, 8, 8)
    y = net.last(x)
    eca = next(m for m in block.modules() if type(m).__name__ == "ECA")
    torch.testing.assert_close(edited.last(x), y + eca(y))
    assert set(net.state_dict()) <= set(edited.state_dict())


@pytest.mark.parametrize(
    "block",
    [
        "series(se, eca)", "se+eca", "parallel(se, eca)", "parallel(se, eca, merge=mul)",
        "parallel(se, eca, se, merge=mean)", "residual(series(se, residual(eca)))",
        "series(parallel(se, series(eca, se), merge=mul), residual(se))",
        "parallel(residual(se), series(eca, pointwise(cin, cin)))",
        "Conv2d(cin, cin // 2, 1) + SiLU() + Conv2d(cin // 2, cin, 1)",
        "matched(series(se, eca))",
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["--after first=", "--after down2="])
def test_nested_compositions_of_attention(block: str, place: str) -> None:
    name: Any = Net() if "first" in place else "unet"
    size = X if "first" in place else "1x3x64x64"
    report = inspect(name, [f"{place}{block}"], device="meta", input=size)
    assert not report.has_errors and report.result.outputs == report.base.outputs
    assert {check.status for check in report.checks} == {"pass"}


@pytest.mark.parametrize(
    ("edit", "added"),
    [
        ("--replace Bottleneck/cv1=akconv", None),
        ("--wrap 'Bottleneck/cv1=series(self, akconv)'", 1),
        ("--wrap 'Bottleneck=parallel(self, akconv)'", 1),
    ],
)
def test_three_ways_into_a_bottleneck(edit: str, added: int | None) -> None:
    """In the place of cv1, behind it, and as a branch: `x + cv2(cv1(x)) + branch(x)`."""
    report = inspect("csp", [edit], device="meta")
    assert not report.has_errors and report.result.outputs == report.base.outputs
    counts = {w.path: w.count for w in report.result.weights if not w.is_buffer}
    for built in report.applied[0].built:
        a, b, n = built.arguments["in_channels"], built.arguments["out_channels"], 5
        formula = a * b * n + 2 * b + 18 * a * n + 2 * n
        inside = sum(c for path, c in counts.items() if path.startswith(f"{built.path}."))
        assert inside == formula
        if added:
            assert report.result.params > report.base.params
    if added:
        base = {w.path for w in report.base.weights}
        assert base <= {w.path for w in report.result.weights}


def test_the_branch_of_a_bottleneck_in_numbers() -> None:
    torch.manual_seed(0)
    edited = stitch("csp", ["--wrap 'Bottleneck=parallel(self, akconv)'"], arguments={"width": 8})
    bottleneck = next(
        m for m in edited.eval().modules() if "around_parallel" in dict(m.named_children())
    )
    x = torch.randn(1, bottleneck.cv1.conv.in_channels, 8, 8)
    branch = bottleneck.around_parallel.parts[1]
    expected = x + bottleneck.cv2(bottleneck.cv1(x)) + branch(x)
    torch.testing.assert_close(bottleneck(x), expected)


FORMULAS = [("cin", 4), ("cout", 63), ("h", 8), ("w", 6), ("cin // 3", 1), ("2 * cin + 1", 9),
            ("cout % 5", 3), ("max(cin, 2 ** 3)", 8), ("-(-cout // 2)", 32)]  # fmt: skip


@pytest.mark.parametrize(("formula", "value"), FORMULAS)
def test_formulas_speak_of_the_place(formula: str, value: int) -> None:
    edit = (
        f"--replace 'first=Conv2d(cin, 63, 1)+Conv2d(63, {formula}, 1)+Conv2d({formula}, cout, 1)'"
    )
    report = inspect(Net(), [edit], input=(1, 4, 8, 6), device="meta")
    assert report.applied[0].built[1].arguments["out_channels"] == value
    assert not report.has_errors


BRANCHES = st.recursive(
    st.sampled_from(["self", "se", "eca", "dwconv", "SiLU()", "hwd", "pointwise(7)", "simam"]),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"series({', '.join(parts)})")
        | st.tuples(
            st.lists(inner, min_size=2, max_size=3), st.sampled_from(["add", "mul", "concat"])
        ).map(lambda pair: f"parallel({', '.join(pair[0])}, merge={pair[1]})")
        | inner.map(lambda part: f"residual({part})")
    ),
    max_leaves=5,
)


@settings(deadline=None, max_examples=25)
@given(BRANCHES.filter(lambda text: "self" in text))
def test_every_composition_runs_or_is_explained(block: str) -> None:
    """The first fix of branches that do not fit each other works."""
    report: Report = inspect(Net(8), [f"--wrap 'first={block}'"], input=X, device="meta")
    for each in report.diagnostics:
        if each.code == "ST108":
            for fix in each.fixes[:1]:
                assert fix.verification is not None and fix.verification.solved
    assert report.result.complete or report.has_errors


def test_blocks_of_others_with_odd_ways(tmp_path: Path) -> None:
    """A Chinese path with a blank, GB18030, prints, a __main__ part, CUDA by name, tokens."""
    folder = tmp_path / "我的 模块"
    folder.mkdir()
    file = folder / "注意力.py"
    source = '''
import torch
from torch import nn
print("导入")
class Tokens(nn.Module):
    """只接受 (B, L, C)"""
    def __init__(self, dim, num_heads, attn_drop=0.):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.heads = num_heads
        self.scale = torch.ones(1).cuda()
    def forward(self, x, H, W):
        B, N, C = x.shape
        q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
        x = nn.functional.scaled_dot_product_attention(q, k, v) * self.scale.to("cuda")
        return x + torch.zeros(1, device="cuda:0"), None
class Last(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(width, width)
    def forward(self, x):
        b, h, w, c = x.shape
        return self.fc(x)
if __name__ == "__main__":
    raise SystemExit("不运行")
'''
    file.write_bytes(source.encode("gb18030"))
    for cls, said in (("Tokens", "tokens"), ("Last", "channels last")):
        report = inspect("unet", [f"--after 'down2={file}:{cls}'"], input="1x3x64x64")
        assert not report.has_errors
        (built,) = report.applied[0].built
        assert said in " ".join(built.notes)
        assert (cls == "Last") or "asks for CUDA" in " ".join(built.notes)
        assert {check.status for check in report.checks} == {"pass"}
