"""``stitch diff`` as it is typed: exit codes, sides, checkpoints, files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from cli.conftest import NET, Run
from safetensors.torch import load_file, save_file
from torch import nn

OTHER = NET.replace("self.first", "self.stem")
WIDER = NET.replace("width: int = 8", "width: int = 12")


@pytest.fixture
def pair(here: Path) -> Path:
    (here / "renamed.py").write_text(OTHER)
    (here / "wider.py").write_text(WIDER)
    return here


def state(prefix: str = "") -> dict[str, torch.Tensor]:
    net = nn.ModuleDict({"first": nn.Conv2d(3, 8, 3), "last": nn.Conv2d(8, 2, 1)})
    return {prefix + key: value for key, value in net.state_dict().items()}


def test_exit_codes(stitch: Run, pair: Path) -> None:
    assert stitch("net.py", "wider.py", command="diff").code == 0
    assert stitch("net.py", "wider.py", "--exit-code", command="diff").code == 1
    assert stitch("net.py", "renamed.py", "--exit-code", command="diff").code == 1
    same = stitch("net.py", "net.py", "--exit-code", command="diff")
    assert same.code == 0
    assert same.out.splitlines()[-1] == "no difference"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["net.py"], "there is one network, and a diff is of two"),
        (["net.py", "a.py", "b.py"], "got unexpected extra argument"),
        (["nte.py", "net.py"], "the base network, nte.py: there is no file nte.py"),
        (["net.py", "raises.py"], "the modified network, raises.py: the model raised"),
        (["net.py", "net.py", "--moved", "first"], "--moved 'first' is not A=B"),
        (["net.py", "net.py", "--moved", "frist=first"], "the base network has no module 'frist'"),
        (["net.py", "net.py", "--remap", "x.pt"], "--remap needs a checkpoint"),
        (["net.py", "net.py", "--checkpoint", "x.pt"], "there is no checkpoint x.pt"),
        (["net.py", "net.py", "-o", "sarif:x"], "--out 'sarif:x' is not FORMAT:PATH"),
        (["net.py", "net.py", "--mapping", "net.py"], "net.py is read, and would be written over"),
    ],
)
def test_mistakes_are_one_message(stitch: Run, here: Path, words: list[str], message: str) -> None:
    result = stitch(*words, command="diff")
    assert result.code == 2
    assert message in result.err.splitlines()[0]
    assert "help: " in result.err
    assert not result.out


def test_an_error_is_json_too(stitch: Run, here: Path) -> None:
    found = json.loads(stitch("nte.py", "net.py", "-f", "json", command="diff").out)
    assert (found["command"], found["exit_code"]) == ("diff", 2)
    assert found["error"]["message"].startswith("the base network")


def test_faults_are_told_with_their_side(stitch: Run, here: Path) -> None:
    (here / "faulty.py").write_text(NET.replace("wrong: int = 0", "wrong: int = 1"))
    result = stitch("net.py", "faulty.py", command="diff")
    assert result.code == 1
    assert "in the modified network, faulty.py:\nerror[ST101]" in result.out
    assert "in the base network, faulty.py:" in stitch("faulty.py", "net.py", command="diff").out


def test_json_has_everything_and_adds_up(stitch: Run, pair: Path) -> None:
    result = stitch("net.py", "renamed.py", "--head-arg", "width=12", "-f", "json", command="diff")
    found = json.loads(result.out)
    assert found["schema"] == "stitch.report/1"
    assert [each["target"] for each in found["models"]] == ["net.py", "renamed.py"]
    changes = found["diff"]["changes"]
    for name in ("params", "macs", "flops"):
        assert sum(each["delta"][name] for each in changes) == found["diff"]["delta"][name]
    assert [(c["base_path"], c["head_path"]) for c in changes if c["kind"] == "renamed"] == [
        ("first", "stem")
    ]
    assert len(found["diff"]["checkpoint"]["shape_changed"]) == 3


def test_the_mapping_as_json(stitch: Run, pair: Path) -> None:
    stitch("net.py", "renamed.py", "--mapping", "names.json", command="diff")
    names = json.loads((pair / "names.json").read_text())
    assert names == {"first.weight": "stem.weight", "first.bias": "stem.bias"}


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module.", "model."])
@pytest.mark.parametrize("kind", ["plain.pt", "nested.pt", "old.pt", "file.safetensors"])
def test_remap_writes_what_loads(stitch: Run, pair: Path, kind: str, prefix: str) -> None:
    tensors = state(prefix)
    match kind:
        case "plain.pt":
            torch.save(tensors, kind)
        case "nested.pt":
            torch.save({"epoch": 3, "state_dict": tensors, "optimizer": {"lr": 0.1}}, kind)
        case "old.pt":
            torch.save(tensors, kind, _use_new_zipfile_serialization=False)
        case _:
            save_file(tensors, kind, metadata={"made": "here"})
    before = Path(kind).read_bytes()
    out = f"out{Path(kind).suffix}"
    result = stitch("net.py", "renamed.py", "--checkpoint", kind, "--remap", out, command="diff")
    assert result.code == 0
    assert f"{kind}  2 of 4 tensors load as they are" in result.out
    assert Path(kind).read_bytes() == before
    if out.endswith("pt"):
        found = torch.load(out, weights_only=True)
        if kind == "nested.pt":
            assert (found["epoch"], found["optimizer"]) == (3, {"lr": 0.1})
            found = found["state_dict"]
    else:
        found = load_file(out)
    assert set(found) == {"stem.weight", "stem.bias", "last.weight", "last.bias"}
    assert torch.equal(found["stem.weight"], tensors[f"{prefix}first.weight"])


def test_a_checkpoint_that_is_neither_networks(stitch: Run, pair: Path) -> None:
    """Half of it was saved after the rename; something else is in it too."""
    old, new = state(), nn.ModuleDict({"stem": nn.Conv2d(3, 8, 3)}).state_dict()
    mixed = {"stem.weight": new["stem.weight"], "first.bias": old["first.bias"],
             "last.weight": old["last.weight"][:, :4], "ema": torch.ones(5)}  # fmt: skip
    torch.save(mixed, "mixed.pt")
    words = ("--checkpoint", "mixed.pt", "--remap", "out.pt", "-f", "json")
    found = json.loads(stitch("net.py", "renamed.py", *words, command="diff").out)
    checkpoint = found["diff"]["checkpoint"]
    assert checkpoint["kept"] == 1
    assert checkpoint["renamed"] == [{"base": "first.bias", "head": "stem.bias"}]
    assert checkpoint["missing"] == ["ema"]
    assert [each["base"] for each in checkpoint["shape_changed"]] == ["last.weight"]
    assert checkpoint["new"] == ["last.bias"]
    assert set(torch.load("out.pt")) == {"stem.weight", "stem.bias"}


def test_a_checkpoint_is_never_written_over(stitch: Run, pair: Path) -> None:
    torch.save(state(), "old.pt")
    Path("link.pt").symlink_to("old.pt")
    before = Path("old.pt").read_bytes()
    for out in ("old.pt", "./old.pt", "link.pt"):
        words = ("--checkpoint", "old.pt", "--remap", out)
        assert stitch("net.py", "renamed.py", *words, command="diff").code == 2
    assert Path("old.pt").read_bytes() == before
    result = stitch("net.py", "renamed.py", "--checkpoint", "old.pt", "--remap", "no/new.pt",
                    command="diff")  # fmt: skip
    assert result.code == 2
    assert not [each for each in pair.iterdir() if each.name.startswith(".")]


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


def test_files_that_are_no_checkpoint(stitch: Run, pair: Path) -> None:
    torch.save(state(), "cut.pt")
    Path("cut.pt").write_bytes(Path("cut.pt").read_bytes()[:300])
    Path("text.pt").write_text("hello")
    Path("text.safetensors").write_text("hello")
    Path("empty.pt").write_bytes(b"")
    torch.save({"model": Evil()}, "evil.pt")
    torch.save([1, 2], "list.pt")
    for name in ("cut.pt", "text.pt", "text.safetensors", "empty.pt", "evil.pt", "list.pt"):
        result = stitch("net.py", "net.py", "--checkpoint", name, command="diff")
        assert (result.code, len(result.err.splitlines())) == (2, 2), result.err
        assert name in result.err
        assert "run" not in result.out


def test_remap_writes_no_empty_file(stitch: Run, pair: Path) -> None:
    torch.save({"other.weight": torch.ones(3)}, "other.pt")
    words = ("--checkpoint", "other.pt", "--remap", "out.pt")
    result = stitch("net.py", "renamed.py", *words, command="diff")
    assert (result.code, Path("out.pt").exists()) == (2, False)
    assert "no tensor of other.pt loads" in result.err


def test_outputs_that_differ_are_a_difference(stitch: Run, here: Path) -> None:
    """Also where nothing that is looked at tells why."""
    (here / "other.py").write_text(NET.replace("return ", "import math; return math.pi * "))
    (here / "same.py").write_text(NET.replace("return ", "import math; return 3.0 * "))
    words = ("--numeric", "--exit-code", "--input", "1x3x8x8")
    result = stitch("other.py", "same.py", *words, command="diff")
    assert result.code == 1
    both = stitch("net.py", "net.py", *words, command="diff")
    assert (both.code, both.out.splitlines()[-1]) == (0, "no difference")


def test_a_network_that_cannot_run_with_numbers_is_still_compared(stitch: Run, here: Path) -> None:
    half = NET.replace("self.last = nn.Conv2d(width + wrong, 2, 1)",
                       "self.last = nn.Conv2d(width + wrong, 2, 1); self.half()")  # fmt: skip
    (here / "half.py").write_text(half)
    result = stitch("net.py", "half.py", "--numeric", command="diff")
    assert "outputs not compared: " in result.out
    assert "dtype float32 → float16" in result.out


def test_numeric(stitch: Run, pair: Path) -> None:
    (pair / "scaled.py").write_text(NET.replace("return ", "return 2 * "))
    (pair / "near.py").write_text(NET.replace("return ", "return 1.0000001 * "))
    words = ("--numeric", "--input", "1x3x8x8")
    assert "outputs are equal" in stitch("net.py", "renamed.py", *words, command="diff").out
    assert "outputs differ, at most by" in stitch("net.py", "scaled.py", *words, command="diff").out
    assert "outputs are close, at most" in stitch("net.py", "near.py", *words, command="diff").out


def test_merge_base_needs_one_network(stitch: Run, here: Path) -> None:
    result = stitch("net.py", "--merge-base", "main", command="diff")
    assert (result.code, "is in no git repository" in result.err) == (2, True)


def test_moved_is_a_setting_too(stitch: Run, pair: Path) -> None:
    tables = '[[tool.stitch.moved]]\nfrom = "first"\nto = "last"\n'
    (pair / "pyproject.toml").write_text(tables)
    found = json.loads(stitch("net.py", "net.py", "-f", "json", command="diff").out)
    assert {"base": "first.weight", "head": "first.weight"} not in found["diff"]["changes"]
    moved = [each for each in found["diff"]["changes"] if each["base_path"] == "first"]
    assert moved[0]["head_path"] == "last"
    (pair / "pyproject.toml").write_text('[[tool.stitch.moved]]\nfrom = "first"\n')
    assert "moved[0]: to is missing" in stitch("net.py", "net.py", command="diff").err


def test_ascii_where_there_is_no_more(stitch: Run, pair: Path) -> None:
    result = stitch("net.py", "renamed.py", command="diff", encoding="ascii")
    assert "> first -> stem" in result.out
