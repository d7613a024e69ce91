"""What holds for every block in the folder."""

import ast
import copy
import inspect
import io
import re
import sys
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

FAMILIES = {"conv", "attention", "fusion", "down", "up", "block", "adapter"}
SIZES = [(8, 8), (7, 5), (1, 9)]
WIDTH = st.integers(1, 96)


def test_the_folder_is_found(blocks: dict[str, Any]) -> None:
    assert {"dwconv", "groupconv", "factorconv", "pointwise", "resize"} <= set(blocks)
    assert {"se", "eca", "msca", "cbam"} <= set(blocks)


def test_docstring_is_machine_readable(block: Any) -> None:
    fields = block.fields
    assert {"Paper", "Family", "Shape", "Parameters"} <= set(fields)
    assert re.search(
        r", arXiv:\d{4}\.\d{4,5}$|, doi:10\.\d{4,}/[^\s,]+$|^none, \S", fields["Paper"]
    )
    assert fields.get("Init", "identity") == "identity"
    assert block.formula_letters <= set("abkgrsnC")
    assert block.family in FAMILIES
    assert " -> " in fields["Shape"]
    (*entering, leaving), extents = block.maps, ("H", "W")
    assert len(entering) == (2 if block.family == "fusion" else 1)
    assert all((h, w) == extents for _, h, w in entering)
    match block.family:
        case "fusion" | "attention":
            assert leaving[1:] == extents
        case "down":
            assert leaving == ("b", "ceil(H/2)", "ceil(W/2)")
        case "up":
            assert leaving == ("b", "s*H", "s*W")
        case _:
            assert leaving[0] in "bC" and leaving[1:] == extents


def test_constructor_needs_only_widths(block: Any) -> None:
    needed = {n for n, p in block.parameters.items() if p.default is inspect.Parameter.empty}
    assert needed <= {"in_channels", "skip_channels", "out_channels", "channels", "size"}


def test_name_and_docstrings(block: Any) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*", block.path.stem)
    assert block.cls.__name__.lower() == block.path.stem
    arxiv = re.search(r"arXiv:\S+", block.fields["Paper"])
    assert block.cls.__doc__ and block.cls.forward.__doc__
    assert arxiv is None or "none" in block.fields["Paper"] or arxiv[0] in block.cls.__doc__


def test_file_stands_alone(block: Any) -> None:
    allowed = {"torch", "einops", *sys.stdlib_module_names}
    for node in ast.walk(ast.parse(block.path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] in allowed for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0 and (node.module or "").split(".")[0] in allowed


@settings(deadline=None, max_examples=30)
@given(
    a=WIDTH,
    b=WIDTH,
    skip=WIDTH,
    chosen=st.fixed_dictionaries(
        {
            "kernel_size": st.sampled_from([1, 3, 5, 7]),
            "groups": st.integers(1, 40),
            "reduction": st.integers(1, 40),
            "scale": st.integers(2, 4),
            "repeats": st.integers(1, 3),
        }
    ),
)
def test_parameters_follow_the_formula(
    block: Any, a: int, b: int, skip: int, chosen: dict[str, int]
) -> None:
    arguments = block.arguments(a, b, skip)
    arguments |= {
        name: value
        for name, value in chosen.items()
        if name in block.parameters and block.letter(name) in block.formula_letters
    }
    try:
        with torch.device("meta"):
            built = block.cls(**arguments)
    except ValueError:
        assert "ValueError" in block.cls.__doc__, "an undocumented refusal"
        return
    assert parameters(built) == block.count(arguments, built)


@pytest.mark.parametrize("width", [1, 6, 32])
def test_width_stays_where_none_is_given(resampler: Any, width: int) -> None:
    block = resampler
    with torch.device("meta"):
        built = block.cls(width)
        assert built(torch.empty(2, width, 4, 6)).shape[1] == width
    assert parameters(built) == block.count({"in_channels": width, "out_channels": width}, built)


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("size", SIZES)
def test_shape_contract(block: Any, size: tuple[int, int], device: str) -> None:
    built = block.build(device)
    maps = block.inputs(size, device=device)
    assert tuple(built(*maps).shape) == block.expected(size)
    single = [x[:1] for x in maps]
    assert tuple(built.eval()(*single).shape) == block.expected(size, batch=1)


@pytest.mark.parametrize("size", SIZES)
def test_every_parameter_learns(block: Any, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    built = block.build("cpu", a=64, b=48, skip=40).train()
    maps = [x.requires_grad_() for x in block.inputs(size, a=64, b=48, skip=40)]
    steps = torch.optim.SGD(built.parameters(), lr=0.1) if parameters(built) else None
    if block.starts_as_identity and steps:
        # A path that is closed at first opens with the first step.
        backward(built, maps)
        steps.step()
        built.zero_grad()
    backward(built, maps)
    flat = {path for path, p in built.named_parameters() if not p.grad.any()}
    assert all(path.endswith(".bias") for path in flat), flat
    if flat:
        # The bias of a convolution before a batch norm only counts with the statistics frozen.
        backward(built.eval(), maps)
        assert all(built.get_parameter(path).grad.any() for path in flat), flat
    for x in maps:
        assert x.grad is not None and x.grad.isfinite().all() and x.grad.any()


def test_starts_as_identity_where_it_says_so(block: Any) -> None:
    torch.manual_seed(0)
    (x, *_) = maps = block.inputs((7, 5), b=16, skip=16)
    out = block.build("cpu", b=16, skip=16).eval()(*maps)
    close = out.shape == x.shape and bool((out - x).abs().max() <= 1e-4)
    assert close == block.starts_as_identity or block.family == "adapter"


def test_state_dict_and_copy_give_the_same(block: Any) -> None:
    torch.manual_seed(0)
    saved, loaded = block.build("cpu").eval(), block.build("cpu").eval()
    file = io.BytesIO()
    torch.save(saved.state_dict(), file)
    file.seek(0)
    loaded.load_state_dict(torch.load(file, weights_only=True))
    maps = block.inputs((7, 5))
    out = saved(*maps)
    assert torch.equal(out, loaded(*maps))
    assert torch.equal(out, copy.deepcopy(saved)(*maps))


def test_double_precision(block: Any) -> None:
    torch.manual_seed(0)
    built, maps = block.build("cpu").eval(), block.inputs((7, 5))
    single = built(*maps)
    double = built.double()(*(x.double() for x in maps))
    assert double.dtype == torch.float64
    assert torch.allclose(double.float(), single, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("training", [True, False])
def test_input_is_left_as_it_was(block: Any, training: bool) -> None:
    maps = block.inputs((7, 5))
    before = [x.clone() for x in maps]
    block.build("cpu").train(training)(*maps)
    assert all(torch.equal(x, y) for x, y in zip(maps, before, strict=True))


def test_compiles_whole(block: Any) -> None:
    torch.manual_seed(0)
    torch.compiler.reset()
    built, maps = block.build("cpu", a=8, b=12, skip=4).eval(), block.inputs((6, 5), 8, 12, 4)
    compiled = torch.compile(built, fullgraph=True, backend="eager")
    with torch.no_grad():
        assert torch.allclose(compiled(*maps), built(*maps), atol=1e-5)


def backward(built: nn.Module, maps: list[Tensor]) -> None:
    out = built(*maps)
    # A plain sum is constant behind a batch norm.
    (out * torch.randn_like(out)).sum().backward()
    for path, parameter in built.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), path


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
