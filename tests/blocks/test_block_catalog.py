"""What holds for every block in the folder."""

import ast
import io
import math
import re
import sys
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

SIZES = [(8, 8), (7, 5), (1, 9)]
FUNCTIONS = {"min": min, "max": max, "abs": abs, "int": int, "log2": math.log2}
WIDTH = st.integers(1, 96)


def evaluate(formula: str, values: dict[str, int]) -> int:
    return int(eval(formula, {"__builtins__": {}}, {**FUNCTIONS, **values}))


def variables(formula: str) -> set[str]:
    names = {n.id for n in ast.walk(ast.parse(formula, mode="eval")) if isinstance(n, ast.Name)}
    return names - set(FUNCTIONS)


def test_the_folder_is_found(blocks: dict[str, Any]) -> None:
    assert {"dwconv", "groupconv", "factorconv", "pointwise", "resize"} <= set(blocks)
    assert {"se", "eca", "msca", "cbam"} <= set(blocks)


def test_docstring_is_machine_readable(block: Any) -> None:
    fields = block.fields
    assert set(fields) == {"Paper", "Family", "Shape", "Parameters"}
    assert re.search(r"arXiv:\d{4}\.\d{4,5}$|^none\b", fields["Paper"])
    assert fields["Family"] in {"conv", "attention", "adapter"}
    assert re.fullmatch(r"\(B, [aC], H, W\) -> \(B, [bC], H'?, W'?\)", fields["Shape"])
    assert variables(fields["Parameters"]) <= set("abkgrC")


def test_file_stands_alone(block: Any) -> None:
    allowed = {"torch", "einops", *sys.stdlib_module_names}
    for node in ast.walk(ast.parse(block.path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] in allowed for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0 and (node.module or "").split(".")[0] in allowed


@settings(deadline=None, max_examples=40)
@given(a=WIDTH, b=WIDTH, k=st.sampled_from([1, 3, 5, 7]), g=st.integers(1, 9), r=st.integers(1, 40))
def test_parameters_follow_the_formula(block: Any, a: int, b: int, k: int, g: int, r: int) -> None:
    formula = block.fields["Parameters"]
    given = {"kernel_size": ("k", k), "groups": ("g", g), "reduction": ("r", r)}
    chosen = {name: v for name, (letter, v) in given.items() if letter in variables(formula)}
    built = block.build("meta", a, b, **chosen)
    values = {"a": a, "b": b, "C": a, "k": k, "r": r, "g": getattr(built, "groups", g)}
    assert sum(p.numel() for p in built.parameters()) == evaluate(formula, values)


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("size", SIZES)
def test_shape_contract(block: Any, size: tuple[int, int], device: str) -> None:
    x = torch.ones(2, 16, *size, device=device)
    built = block.build(device, a=16, b=24)
    assert tuple(built(x).shape) == block.expected(x, b=24)
    assert tuple(built.eval()(x[:1]).shape) == block.expected(x[:1], b=24)


@pytest.mark.parametrize("size", SIZES)
def test_every_parameter_learns(block: Any, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    built = block.build("cpu", a=64, b=48).train()
    x = torch.randn(2, 64, *size, requires_grad=True)
    out = built(x)
    # A plain sum is constant behind a batch norm.
    (out * torch.randn_like(out)).sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()
    for path, parameter in built.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), path
        assert parameter.grad.isfinite().all(), path


def test_state_dict_round_trip(block: Any) -> None:
    torch.manual_seed(0)
    saved, loaded = block.build("cpu").eval(), block.build("cpu").eval()
    file = io.BytesIO()
    torch.save(saved.state_dict(), file)
    file.seek(0)
    loaded.load_state_dict(torch.load(file, weights_only=True))
    x = torch.randn(2, 16, 7, 5)
    assert torch.equal(saved(x), loaded(x))


def test_input_is_left_as_it_was(block: Any) -> None:
    x = torch.randn(2, 16, 7, 5)
    before = x.clone()
    block.build("cpu")(x)
    assert torch.equal(x, before)
