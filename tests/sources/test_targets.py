"""Every way to name a network, on small files."""

import pickle
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from torch import nn

from stitchcli import stitch
from stitchcli.errors import TargetError
from stitchcli.networks import BUILTINS
from stitchcli.records import Target, TensorSpec
from stitchcli.sources.load import load
from stitchcli.sources.network import Network

Write = Callable[..., Path]
NET = """
from torch import nn

class {name}(nn.Module):
    def __init__(self, width: int = {width}) -> None:
        super().__init__()
        self.layer = nn.Linear({width}, width)

    def forward(self, x):
        return self.layer(x)
"""


def net(name: str = "Net", width: int = 4) -> str:
    return NET.format(name=name, width=width)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes ``text`` to a file below an empty working directory."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "model.py", encoding: str = "utf-8") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding=encoding)
        return file

    return write


def loaded(text: object, **arguments: Any) -> Network:
    return load(Target(str(text), tuple(arguments.items())), "meta")


def width_of(network: Network) -> int:
    layer: Any = network.module.get_submodule("layer")
    return int(layer.out_features)


@pytest.mark.parametrize("name", BUILTINS)
def test_builtins(name: str) -> None:
    network = loaded(name, in_channels=5)
    (spec,) = network.inputs or ()
    assert spec.shape[1] == 5 and network.name == name
    assert all(p.device.type == "meta" for p in network.module.parameters())


@pytest.mark.parametrize("target", ["model.py", "model.py:Net", "./model.py", "model:Net"])
def test_a_class(write: Write, target: str) -> None:
    write(net())
    network = loaded(target, width=7)
    assert width_of(network) == 7 and network.name == "Net"
    assert network.built["layer"].line == 7 and network.built["layer"].file.endswith("model.py")
    assert network.arguments["layer"]["out_features"] == 7


FACTORY = """
from torch import nn

def make(width=5):
    return nn.ModuleDict({"layer": nn.Linear(4, width)})
"""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (net() + "\ndef make(width=5):\n    return Net(width)\n", ":make"),
        (
            net() + "\nclass zoo:\n    make = staticmethod(lambda width=5: Net(width))\n",
            ":zoo.make",
        ),
        (FACTORY, ""),
    ],
)
def test_a_factory(write: Write, text: str, name: str) -> None:
    write(text)
    assert width_of(loaded(f"model.py{name}")) == 5
    assert width_of(loaded(f"model.py{name}", width=6)) == 6


def test_an_instance(write: Write) -> None:
    write(net().replace("width: int = 4", "width: int") + "\nready = Net(9)\n")
    assert width_of(loaded("model.py:ready")) == 9
    assert width_of(loaded("model.py")) == 9
    with pytest.raises(TargetError, match="already built"):
        loaded("model.py:ready", width=3)


ASSEMBLED = """
class Part(nn.Module):
    pass

class Base(Part):
    pass

class Whole(Base):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.parts = nn.ModuleList(Net() for _ in range(2))
"""


def test_the_class_that_no_other_uses(write: Write) -> None:
    write(net() + ASSEMBLED)
    assert loaded("model.py").name == "Whole"


def test_several_networks_are_listed(write: Write) -> None:
    write(net() + net("Other") + net("Third"))
    with pytest.raises(TargetError, match="several networks: Net, Other, Third") as caught:
        loaded("model.py")
    assert "model.py:Net" in caught.value.help


def test_two_folders_each_have_their_own_blocks(write: Write) -> None:
    for folder, width in (("one", 11), ("two", 22)):
        write(net("Block", width), f"{folder}/blocks.py")
        write(
            "import blocks\nfrom blocks import Block\nclass Net(Block):\n    pass\n",
            f"{folder}/model.py",
        )
    one, two = loaded("one/model.py"), loaded("two/model.py")
    assert (width_of(one), width_of(two), width_of(loaded("one/model.py"))) == (11, 22, 11)
    for network, width in ((one, 11), (two, 22)):
        with network.user_code.active():
            assert sys.modules["blocks"].Block().layer.out_features == width
    assert "blocks" not in sys.modules


@pytest.mark.parametrize(
    "target", ["pkg/sub/model.py", "pkg.sub.model:Net", "pkg/sub/model.py:Net"]
)
def test_relative_imports(write: Write, target: str) -> None:
    write("", "pkg/__init__.py")
    write("width = 13\n", "pkg/widths.py")
    write("", "pkg/sub/__init__.py")
    write(net("Block"), "pkg/sub/part.py")
    write(
        "from ..widths import width\nfrom .part import Block\n"
        "class Net(Block):\n    def __init__(self):\n        super().__init__(width)\n",
        "pkg/sub/model.py",
    )
    assert width_of(loaded(target)) == 13


@pytest.mark.parametrize("name", ["模型.py", "注意力 模块/网络 v2.py"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-8-sig"])
def test_any_encoding_and_any_name(write: Write, name: str, encoding: str) -> None:
    write("# 即插即用模块\n" + net(), name, encoding)
    assert width_of(loaded(f"{name}:Net")) == 4
    declared = f"# -*- coding: {encoding.removesuffix('-sig')} -*-\n# 模块\n"
    write(declared + net(), name, encoding)
    assert width_of(loaded(name)) == 4


def test_imports_run_when_the_network_is_built(write: Write) -> None:
    write("width = 15\n", "later.py")
    write(net().replace("super()", "from later import width; super()"))
    assert width_of(loaded("model.py")) == 15
    assert "later" not in sys.modules


@pytest.mark.parametrize("target", ["model.py", "pkg/model.py", "model:Net"])
def test_loading_leaves_nothing_behind(write: Write, target: str, tmp_path: Path) -> None:
    for folder in ("", "pkg/"):
        write("", f"{folder}__init__.py" if folder else "other.py")
        write(net("Block"), f"{folder}part.py")
        first = "from .part" if folder else "from part"
        write(f"{first} import Block\nclass Net(Block):\n    pass\n", f"{folder}model.py")
    files = sorted(tmp_path.rglob("*"))
    world = set(sys.modules), list(sys.path), list(sys.meta_path), sys.dont_write_bytecode
    init = nn.Module.__init__
    loaded(target)
    assert sorted(tmp_path.rglob("*")) == files
    found = set(sys.modules), list(sys.path), list(sys.meta_path), sys.dont_write_bytecode
    assert found[1:] == world[1:] and nn.Module.__init__ is init
    ours = {
        name for name in found[0] - world[0] if name.partition(".")[0] in ("model", "part", "pkg")
    }
    assert not ours


def test_a_main_guard_is_not_run(write: Write) -> None:
    write(net() + "\nif __name__ == '__main__':\n    raise SystemExit('ran')\n")
    assert loaded("model.py").name == "Net"


def test_a_users_module_does_not_hide_the_standard_library(write: Write) -> None:
    write("raise RuntimeError('hidden')\n", "random.py")
    write("import random\n" + net())
    assert width_of(loaded("model.py")) == 4 and hasattr(sys.modules["random"], "randint")


CONFIGURED = """
from dataclasses import dataclass
from torch import nn

@dataclass
class Config:
    width: int = 17

class Net(nn.Module):
    config_class = Config

    def __init__(self, config):
        super().__init__()
        self.layer = nn.Linear(4, config.width)
"""


def test_a_network_that_takes_a_config(write: Write) -> None:
    write(CONFIGURED)
    assert width_of(loaded("model.py")) == 17
    assert width_of(loaded("model.py", width=18)) == 18


def test_what_needs_numbers_is_built_on_cpu(write: Write) -> None:
    write(
        net().replace("super()", "import torch; width = int(torch.ones(3).sum().item()); super()")
    )
    network = loaded("model.py")
    assert width_of(network) == 3 and "built on cpu" in network.notes[0]
    assert next(network.module.parameters()).device.type == "meta"


def fake_zoo(name: str) -> ModuleType:
    """A package with the functions of a model zoo, and one network."""

    class Made(nn.Module):
        def __init__(self, width: int = 4) -> None:
            super().__init__()
            self.layer = nn.Linear(4, width)
            self.default_cfg = {"input_size": (3, 224, 224)}

    weights = SimpleNamespace(DEFAULT=SimpleNamespace(transforms=partial(print, crop_size=224)))
    members = {
        "is_model": lambda name: name == "resnet18",
        "list_models": lambda: ["resnet18"],
        "create_model": lambda name, pretrained, **arguments: Made(**arguments),
        "get_model": lambda name, weights, **arguments: Made(**arguments),
        "get_model_builder": lambda name: Made,
        "get_model_weights": lambda name: weights,
        "YOLO": lambda name, **arguments: SimpleNamespace(model=Made(**arguments)),
        "RTDETR": None,
    }
    module = ModuleType(name)
    vars(module).update(members)
    return module


@pytest.fixture
def zoos(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("timm", "torchvision", "torchvision.models", "ultralytics"):
        monkeypatch.setitem(sys.modules, name, fake_zoo(name))


@pytest.mark.parametrize("target", ["timm:resnet18", "torchvision:resnet18", "ultralytics:v8.yaml"])
def test_zoos(zoos: None, target: str) -> None:
    network = loaded(target, width=3)
    side = 640 if target.startswith("ultralytics") else 224
    assert network.inputs == (TensorSpec((1, 3, side, side)),) and width_of(network) == 3
    assert network.name == target.partition(":")[2]


@pytest.mark.parametrize(
    ("target", "help"),
    [
        ("timm:resnet81", "'resnet18'"),
        ("torchvision:resnet81", "'resnet18'"),
        ("ultralytics:yolov8n", ".yaml"),
    ],
)
def test_what_a_zoo_does_not_have(zoos: None, target: str, help: str) -> None:
    with pytest.raises(TargetError, match=target.partition(":")[2]) as caught:
        loaded(target)
    assert help in caught.value.help


@pytest.mark.parametrize("name", ["token", "einops", "rich"])
def test_a_file_that_is_called_like_an_imported_module(write: Write, name: str) -> None:
    __import__(name)
    before = sys.modules[name]
    write(net(), f"{name}.py")
    assert width_of(loaded(f"{name}.py")) == 4
    assert sys.modules.get(name) is before


def test_a_neighbour_that_is_called_like_an_imported_module(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "neighbour", ModuleType("neighbour"))
    before = sys.modules["neighbour"]
    write(net("Block"), "neighbour.py")
    write("from neighbour import Block\nclass Net(Block):\n    pass\n")
    assert width_of(loaded("model.py")) == 4
    assert sys.modules["neighbour"] is before


def test_a_network_from_a_file_can_be_saved(write: Write) -> None:
    write(net())
    network = stitch("model.py", [])
    assert pickle.loads(pickle.dumps(network)).state_dict().keys() == network.state_dict().keys()


def test_equal_code_in_two_files_keeps_its_own_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "model.py").write_text(net(), encoding="utf-8")
        built = load(Target(str(folder / "model.py")), "meta").built
        assert {site.file for site in built.values()} == {str(folder / "model.py")}
