"""What cannot be loaded is said in one message, with a help line that says what to do."""

import sys
from pathlib import Path
from typing import Any

import pytest

from stitchcli.errors import DeviceError, ModelError, StitchError, TargetError
from stitchcli.records import Target
from stitchcli.sources.load import load

NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self, width, depth=1):
        super().__init__()
        self.layer = nn.Linear(width, depth)
"""
NOISY = "import sys\nfrom torch import nn\n"


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    texts = {
        "net.py": NET,
        "none.py": "import torch\nwidth = 3\n",
        "syntax.py": "from torch import nn\n\nclass Net(nn.Module)\n    pass\n",
        "inner.py": "import syntax\n",
        "missing.py": "import no_such_package.part\n",
        "exits.py": NOISY + "sys.exit(4)\n",
        "raises.py": NOISY + "def deep():\n    raise KeyError('oops')\ndeep()\n",
        "building.py": NET.replace("super()", "assert width > 9, 'too small'; super()"),
        "quits.py": NET.replace("super()", "import sys; sys.exit('enough'); super()"),
        "factory.py": "from torch import nn\ndef make():\n    nn.Identity()\nvalue = 3\n",
        "main.py": "class Base:\n    pass\nif __name__ == '__main__':\n    raise SystemExit(1)\n",
        "notes.txt": "x",
        "folder/a.py": NET,
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)


def failure(target: str, device: str = "meta", **arguments: Any) -> StitchError:
    world = set(sys.modules), list(sys.path), list(sys.meta_path)
    with pytest.raises(StitchError) as caught:
        load(Target(target, tuple(arguments.items())), device)
    assert caught.value.message and caught.value.help and "\n" not in caught.value.message
    assert list(sys.path) == world[1] and list(sys.meta_path) == world[2]
    mine = {"net", "none", "syntax", "inner", "missing", "exits", "raises", "building", "factory"}
    assert not mine & set(sys.modules)
    return caught.value


@pytest.mark.parametrize(
    ("target", "said", "help"),
    [
        ("unte", "'unte'", "'unet'"),
        ("resnet81", "'resnet81'", "'resnet18'"),
        ("zzz", "no network 'zzz'", "built in are unet"),
        ("nett.py", "no file nett.py", "'net.py'"),
        ("nowhere/net.py", "no file nowhere/net.py", "path"),
        ("folder", "is a folder", ".py"),
        ("notes.txt", "not a Python file", ".py"),
        ("none.py", "no nn.Module", "defines a network"),
        ("main.py", "no nn.Module", ""),
        ("net.py:Nte", "no 'Nte'", "'Net'"),
        ("net.py:Net.sub", "no 'sub'", ""),
        ("factory.py:value", "value is a int, not a network", "class"),
        ("factory.py:make", "returned a NoneType", "factory"),
        ("syntax.py", "syntax.py:3", "syntax"),
        ("inner.py", "syntax.py:3", "syntax"),
        ("missing.py", "no_such_package", "pip install no_such_package"),
        ("no.such:Net", "no is not installed", "pip install no"),
        ("torch.nn:Linnear", "no 'Linnear'", ""),
        ("torch.nn:Linear", "needs in_features, out_features", "--arg in_features="),
    ],
)
def test_targets_that_are_not_there(target: str, said: str, help: str) -> None:
    error = failure(target)
    assert isinstance(error, TargetError)
    assert said in error.message and help in error.help


@pytest.mark.parametrize("zoo", ["timm", "torchvision", "ultralytics"])
def test_a_zoo_that_is_not_installed(zoo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] == zoo]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, zoo, None)  # type: ignore[arg-type]
    error = failure(f"{zoo}:resnet18.yaml")
    assert f"{zoo} is not installed" in error.message and f"pip install {zoo}" in error.help


@pytest.mark.parametrize(
    ("arguments", "said", "help"),
    [
        ({}, "Net needs width", "--arg width="),
        ({"depth": 2}, "Net needs width", "--arg width="),
        ({"widht": 2}, "no argument 'widht'", "'width'"),
        ({"width": 2, "zzz": 1}, "no argument 'zzz'", "width, depth"),
    ],
)
def test_constructor_arguments(arguments: dict[str, Any], said: str, help: str) -> None:
    error = failure("net.py", **arguments)
    assert isinstance(error, TargetError) and said in error.message and help in error.help


@pytest.mark.parametrize(
    ("target", "arguments", "said", "frame"),
    [
        ("exits.py", {}, "sys.exit(4)", "exits.py:3"),
        ("raises.py", {}, "KeyError: 'oops'", "raises.py:4"),
        ("building.py", {"width": 2}, "AssertionError: too small", "building.py:6"),
        ("quits.py", {"width": 2}, "sys.exit('enough')", "quits.py:6"),
        ("net.py", {"width": "wide"}, "TypeError", "net.py:7"),
    ],
)
def test_code_that_raises_shows_the_users_frames(
    target: str, arguments: dict[str, Any], said: str, frame: str
) -> None:
    error = failure(target, **arguments)
    assert isinstance(error, ModelError)
    assert said in error.message and frame in error.details
    assert "stitchcli" not in error.details and "/torch/" not in error.details


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "cpu:0", "mate", ""])
def test_devices_that_are_not_there(device: str) -> None:
    assert isinstance(failure("unet", device), DeviceError)
    assert "'meta'" in failure("unet", "mate").help
