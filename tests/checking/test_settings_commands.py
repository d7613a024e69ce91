"""``stitch init`` writes settings that hold; ``stitch config`` shows them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
from checking.conftest import NET, SETTINGS, UNET, Repo, Stitch
from torch.utils.flop_counter import FlopCounterMode

from stitchcli.checking.scan import scan


def counted(file: Path) -> int:
    """The MACs of the sample U-Net, by torch's own counter."""
    space: dict[str, Any] = {}
    exec(file.read_text(), space)
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        space["UNet"]()(torch.zeros(1, 3, 256, 256))
    return counter.get_total_flops() // 2


def models(file: str = "stitch.toml") -> dict[str, dict[str, object]]:
    table = tomllib.loads(Path(file).read_text())
    table = table["tool"]["stitch"] if file == "pyproject.toml" else table
    return {each["name"]: each for each in table["model"]}


def test_what_is_found(empty: Repo, stitch: Stitch) -> None:
    empty.write("models/unet.py", UNET.read_text())
    empty.write("net.py", NET)
    empty.write("train.py", "from net import Net\nfor _ in range(3):\n    print('epoch')\n" + NET)
    empty.write("broken.py", "import nothing_like_it\n" + NET.replace("Net", "Broken"))
    empty.write("tests/test_net.py", NET.replace("Net", "Test"))
    found = stitch("init")
    assert found.code == 0, found
    assert "left out: train.py runs code when it is imported" in found.err
    assert "left out: broken.py:Broken: " in found.err
    wanted = models()
    assert set(wanted) == {"unet", "net"}
    assert wanted["unet"] == {
        "name": "unet",
        "target": "models/unet.py:UNet",
        "input": ["1x3x256x256"],
        "budget": {
            "params": {"max": 1_681_154 * 11 // 10},
            "macs": {"max": counted(UNET) * 11 // 10},
            "output-shape": [1, 2, 256, 256],
        },
    }
    assert "# 1,681,154 when this was written" in Path("stitch.toml").read_text()
    assert stitch("check").code == 0


def test_never_over_existing_models(empty: Repo, stitch: Stitch) -> None:
    empty.write("net.py", NET)
    empty.write("stitch.toml", SETTINGS)
    refused = stitch("init")
    assert refused.code == 2 and "has models already" in refused.err
    assert Path("stitch.toml").read_text() == SETTINGS


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[project]\nname = 'x'\n\n[tool.stitch]\nignore = ['ST202'] # ours\n", 0),
        ("[tool.stitch]\nfaults = 'warn'\n\n[tool.other]\na = 1\n", 0),
        ("[tool]\nstitch = { faults = 'warn' }\n", 2),
    ],
)
def test_added_to_pyproject(empty: Repo, stitch: Stitch, text: str, code: int) -> None:
    empty.write("net.py", NET)
    empty.write("pyproject.toml", text)
    found = stitch("init")
    after = Path("pyproject.toml").read_text()
    assert found.code == code
    if code:  # TOML has no way to add to such a table
        assert after == text and "cannot be added" in found.err
    else:
        assert after.startswith(text.rstrip()) and set(models("pyproject.toml")) == {"net"}
        assert stitch("check").code == 0
    assert not Path("stitch.toml").exists()


def test_named_targets(empty: Repo, stitch: Stitch) -> None:
    empty.write("a/net.py", NET)
    empty.write("b/net.py", NET)
    words = ("--arg", "width=4", "--input", "2x3x9x9")
    found = stitch("init", "a/net.py", "b/net.py:Net", "gone.py", *words)
    assert found.code == 2 and "left out: gone.py" in found.err
    assert models() == {
        name: {
            "name": name, "target": target, "kwargs": {"width": 4}, "input": ["2x3x9x9"],
            "budget": {"params": {"max": 122 * 11 // 10},
                       "macs": {"max": 2 * 81 * (27 * 4 + 8) * 11 // 10},
                       "output-shape": [2, 2, 9, 9]},
        }
        for name, target in (("net", "a/net.py"), ("net-2", "b/net.py:Net"))
    }  # fmt: skip
    assert stitch("check").code == 0


def test_nothing_to_write(empty: Repo, stitch: Stitch) -> None:
    found = stitch("init")
    assert found.code == 2 and "no network was found" in found.err
    empty.write("net.py", NET.replace("width, 2, 1", "width + 1, 2, 1"))
    found = stitch("init")
    assert found.code == 2 and "it has faults" in found.err and not Path("stitch.toml").exists()


def test_a_scan(tmp_path: Path) -> None:
    files = {
        "a.py": "from torch import nn\nclass Block(nn.Module):\n    pass\n"
        "class Base(nn.Module):\n    pass\nclass Net(Base):\n    def __init__(self):\n"
        "        self.block = Block()\n",
        "needs.py": "import torch.nn as nn\nclass Needs(nn.Module):\n"
        "    def __init__(self, width):\n        pass\n",
        "keyword.py": "import torch\nclass Kw(torch.nn.Module):\n"
        "    def __init__(self, *, width):\n        pass\n",
        "other.py": "class Plain:\n    pass\n",
        "uses.py": "from a import Net\nfrom pytorch_lightning import LightningModule\n"
        "class Task(LightningModule):\n    def __init__(self, width=3):\n"
        "        self.net = Net()\n",
        "syntax.py": "class (\n",
        "guarded.py": "from torch import nn\nclass Ok(nn.Module):\n    pass\n"
        "if __name__ == '__main__':\n    train()\n",
        "runs.py": "from torch import nn\nclass No(nn.Module):\n    pass\ntrain()\n",
        ".venv/x.py": "from torch import nn\nclass Hidden(nn.Module):\n    pass\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = scan(tmp_path)
    assert found.targets == ("guarded.py:Ok", "uses.py:Task") and found.running == ("runs.py",)


def test_config_says_where(repo: Repo, stitch: Stitch, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = stitch("config")
    assert shown.code == 0
    lines = {line.split()[0]: line.split() for line in shown.out.splitlines()}
    assert lines["model[unet].budget.params"] == [
        "model[unet].budget.params", '"1.7M"', "stitch.toml:9",
    ]  # fmt: skip
    assert lines["base"][1:] == ['"merge-base"', "stitch.toml:1"]
    assert lines["faults"][1:] == ['"error"', "default"]
    assert lines["baseline"][1:] == ['"stitch-baseline.json"', "default"]
    below = repo.folder / "models"
    (repo.folder / "pyproject.toml").write_text("[tool.stitch]\nfaults = 'warn'\n")
    monkeypatch.chdir(below)
    again = stitch("config")
    assert again.code == 0 and "../stitch.toml:9" in again.out and "is not" in again.out
    assert stitch("check").code == 0


def test_config_prints_the_schema(stitch: Stitch) -> None:
    shown = stitch("config", "--schema")
    assert json.loads(shown.out)["title"] == "stitch.toml"
