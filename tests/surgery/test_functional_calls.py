"""Functional calls are edited where they stand in the source, however they are written."""

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from stitchcli import inspect, stitch
from stitchcli.errors import EditError
from stitchcli.records import Target
from stitchcli.sources.load import load
from stitchcli.surgery.select import select
from stitchcli.words.selectors import parse_selector

SAMPLES = Path(__file__).parent / "samples" / "functional.py"
SIZE = "2x3x32x32"
#: The class, an op of it, and how often it is called.
SITES = [
    ("Helper", "cat", 2),
    ("Helper", "interpolate", 2),
    ("Method", "cat", 1),
    ("Method", "max_pool", 1),
    ("Method", "interpolate", 1),
    ("Loop", "cat", 2),
    ("Loop", "relu", 4),
    ("Loop", "interpolate", 2),
    ("Residual", "add", 5),
    ("Inherited", "cat", 1),
    ("Same", "cat", 2),
    ("Closure", "relu", 1),
]
BUILTINS = [("unet", "cat", 4), ("unet-valid", "cat", 4), ("resnet18", "add", 8), ("csp", "cat", 4)]


def target(name: str) -> str:
    return f"{SAMPLES}:{name}" if name[0].isupper() else name


def built(name: str) -> nn.Module:
    torch.manual_seed(0)
    return load(Target(target(name))).module.eval()


def sample() -> Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("name", "op", "count"), SITES + BUILTINS)
def test_every_call_is_found(name: str, op: str, count: int) -> None:
    size = None if name == "unet-valid" else SIZE
    report = inspect(target(name), [f"--wrap 'op:{op}=series(self)'"], input=size, device="meta")
    (item,) = report.applied
    assert len(item.matched) == count
    assert not report.has_errors


@pytest.mark.parametrize(("name", "op", "count"), SITES)
def test_a_call_around_itself_changes_nothing(name: str, op: str, count: int) -> None:
    base = built(name)
    edited = stitch(base, [f"--wrap 'op:{op}=series(self)'"], input=SIZE)
    assert torch.equal(edited(sample()), base(sample()))
    assert set(base.state_dict()) <= set(edited.state_dict())
    assert type(edited).__name__ != type(base).__name__ and isinstance(edited, type(base))
    assert isinstance(base, type(base)) and "Spliced" not in type(base).__name__
    twice = stitch(base, [f"--wrap 'op:{op}=parallel(self, self, merge=mean)'"], input=SIZE)
    assert torch.allclose(twice(sample()), base(sample()), atol=1e-6)


@pytest.mark.parametrize(("name", "op", "count"), SITES)
def test_the_result_is_an_ordinary_module(name: str, op: str, count: int) -> None:
    edited = stitch(built(name), [f"--after op:{op}=se"], input=SIZE).eval()
    out = edited(sample())
    torch.testing.assert_close(copy.deepcopy(edited)(sample()), out)
    compiled = torch.compile(edited, backend="eager")
    torch.testing.assert_close(compiled(sample()), out)
    edited.train()(sample()).square().mean().backward()
    assert all(p.grad is not None for p in edited.parameters())


def test_saved_and_loaded_in_a_fresh_process(tmp_path: Path) -> None:
    edits = ["--replace cat=eff", "--after dec=se"]
    edited = stitch(target("Method"), edits, input=SIZE).eval()
    torch.save({"net": edited, "x": sample(), "y": edited(sample())}, tmp_path / "net.pt")
    code = (
        "import sys, torch; sys.path.insert(0, sys.argv[2]);"
        "d = torch.load(sys.argv[1], weights_only=False);"
        "assert torch.equal(d['net'](d['x']), d['y'])"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "net.pt"), str(SAMPLES.parent)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "edit", "blocks"),
    [
        ("unet", "--replace cat=eff", 4),
        ("unet-valid", "--replace cat=eff", 4),
        ("unet-transposed", "--replace cat=concatconv", 4),
        ("unet", "--replace fuse=attentiongate", 4),
        ("unet", "--replace maxpool=hwd", 4),
        ("unet-valid", "--replace maxpool=hwd", 4),
        ("unet", "--replace down=stridedconv", 4),
        ("unet", "--replace up=dysample", 4),
        ("unet-transposed", "--replace up=pixelshuffle", 4),
        ("unet-valid", "--replace up=carafe", 4),
        ("resnet18", "--replace add=aff", 8),
        ("resnet18", "--replace fuse=iaff", 8),
        ("csp", "--after m/add=eca", 0),
    ],
)
def test_blocks_in_the_place_of_modules_and_functions(name: str, edit: str, blocks: int) -> None:
    if not blocks:
        edit = "--after Bottleneck/add=eca"
    report = inspect(name, [edit], device="meta")
    assert not report.has_errors
    assert len(report.applied[0].built) == (blocks or 6)
    assert report.result.outputs == report.base.outputs
    assert {check.status for check in report.checks} == {"pass"}
    kept = {w.path for w in report.base.weights} - {
        w.path
        for w in report.base.weights
        for m in report.applied[0].matched
        if w.path.startswith(m)
    }
    assert kept <= {w.path for w in report.result.weights}


@pytest.mark.parametrize(
    ("name", "edit", "said"),
    [
        ("Super", "--after cat=se", "not called by its name"),
        ("Hidden", "--after cat=se", "not called by its name"),
        ("Same", "--after cat@0=se", "cannot be told apart"),
        ("Residual", "--set add.alpha=2", "no arguments to set"),
        ("Residual", "--before add@0=se", "takes 2 tensors"),
    ],
)
def test_what_cannot_be_reached_says_why(name: str, edit: str, said: str) -> None:
    with pytest.raises(EditError, match=said) as caught:
        inspect(target(name), [edit], input=SIZE, device="meta")
    assert caught.value.help


def test_one_of_several_widths_alone() -> None:
    report = inspect(target("Loop"), ["--after cat@0=se"], input=SIZE, device="meta")
    (block,) = report.applied[0].built
    assert block.arguments == {"channels": 48} and ".blocks.32_16." in block.path


def test_the_newer_tensor_is_the_main_branch(tmp_path: Path) -> None:
    """Whatever the order in the source, ``skip`` is what was made before the other."""
    block = tmp_path / "second.py"
    block.write_text(
        "import torch\nfrom torch import nn\n"
        "class First(nn.Module):\n"
        "    def forward(self, x, skip):\n        return torch.cat([x * 0, skip], 1)\n"
        "class Gate(nn.Module):\n"
        "    def forward(self, g, x):\n        return torch.cat([g * 0, x], 1)\n"
    )
    for cls in ("First", "Gate"):
        base = built("Method")
        edited = stitch(base, [f"--replace cat={block}:{cls}"], input=SIZE)
        seen: list[Tensor] = []
        edited.out.register_forward_pre_hook(lambda m, args, seen=seen: seen.append(args[0]))
        edited(sample())
        (joined,) = seen
        assert not joined[:, :8].any()
        torch.testing.assert_close(joined[:, 8:], base._Method__enc(sample()))


def test_labels_are_selectors(builtin: Any) -> None:
    for name in ("unet", "unet-valid", "resnet18", "vit", "csp"):
        trace = builtin(name).base
        for label in trace.functional:
            op = trace.calls[trace.functional[label]].op
            if op in ("cat", "add", "interpolate"):
                assert select(parse_selector(label), trace) == (label,)
