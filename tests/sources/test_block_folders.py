"""Blocks of the user's own: from --blocks, from pyproject.toml, from Python."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from stitchcli import StitchError, inspect, stitch
from stitchcli.catalog import Catalog
from stitchcli.config.settings import read_settings
from stitchcli.library import Library

Write = Callable[[str, str], Path]
GATE = """
    \"\"\"门 A gate.

    Paper: none
    Family: attention
    Shape: (B, C, H, W) -> (B, C, H, W)
    Parameters: C*C//r + C*(r > 1) if C > 1 else 0
    \"\"\"
    from torch import nn

    class {name}(nn.Module):
        def __init__(self, channels: int, reduction: int = 4, *, bias: bool = True) -> None:
            super().__init__()
            self.conv = nn.Conv2d(channels, channels, 1)

        def forward(self, x):
            return x * self.conv(x).sigmoid()
    """
PAIR = """
    from torch import nn

    class Inner(nn.Conv2d):
        pass

    class Outer(nn.Module):
        '''Two of them.'''
        def __init__(self, in_channels, out_channels):
            super().__init__()
            self.inner = Inner(in_channels, out_channels, 1)

        def forward(self, x):
            return self.inner(x)

    class Options(dict):
        pass

    class Bare:
        pass
    """


def at(folder: Path) -> Catalog:
    return Catalog([str(folder)])


@pytest.mark.parametrize("folder", ["blocks_of_mine", "my own blocks", "我的 模块"])
def test_a_folder_holds_blocks(write: Write, tmp_path: Path, folder: str) -> None:
    write(GATE.format(name="Gate"), f"{folder}/my_gate.py")
    write(PAIR, f"{folder}/pair.py")
    catalog = at(tmp_path / folder)
    for name, cls in {
        "my_gate": "Gate", "mygate": "Gate", "My-Gate": "Gate", "gate": "Gate", "Gate": "Gate",
        "pair": "Outer", "outer": "Outer", "inner": "Inner", "SE": "SE", "SiLU": "SiLU",
    }.items():  # fmt: skip
        assert catalog.find(name).__name__ == cls, name
    assert catalog.find("pair") is catalog.find("outer")
    report = inspect(
        "unet",
        ["--after 'down*=gate'", "--replace outc=pair"],
        blocks=[tmp_path / folder],
        device="meta",
    )
    assert not report.has_errors and report.base.params < report.result.params
    edited = stitch("unet", ["--after down1=mygate"], blocks=[str(tmp_path / folder)])
    assert any(type(module).__name__ == "Gate" for module in edited.modules())


def test_what_a_folder_lists(write: Write, tmp_path: Path) -> None:
    write(GATE.format(name="Gate"), "own/my_gate.py")
    write(PAIR, "own/pair.py")
    write("def helper(): ...\n", "own/tools.py")
    write(PAIR, "own/_private.py")
    write(PAIR, "own/deeper/other.py")
    write("from .my_gate import Gate\n", "own/__init__.py")
    entries = [each for each in Library((str(tmp_path / "own"),)).listed() if not each.bundled]
    assert [(e.name, e.class_name) for e in entries] == [
        ("my_gate", "Gate"), ("pair", "Outer"), ("Inner", "Inner"),
    ]  # fmt: skip
    gate, pair, _ = entries
    assert gate.summary == "门 A gate." and gate.family == "attention"
    assert gate.count() == 64 * 64 // 4 + 64 and pair.count() is None
    assert [str(a) for a in gate.arguments] == ["channels", "reduction=4", "bias=True"]


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8-sig", "utf-8"])
@pytest.mark.parametrize("declared", [False, True])
def test_source_in_any_encoding(
    tmp_path: Path, write: Write, encoding: str, declared: bool
) -> None:
    text = write(GATE.format(name="门"), "门.py").read_text(encoding="utf-8")
    head = f"# -*- coding: {encoding} -*-\n" if declared else ""
    (tmp_path / "门.py").write_bytes((head + text).encode(encoding))
    library = Library((str(tmp_path),))
    assert library.get("门").summary == "门 A gate." and library.notes() == []
    report = inspect("unet", ["--after down1=门"], blocks=[tmp_path], device="meta")
    assert report.applied[0].built[0].block == "门"


def test_only_what_is_used_is_imported(write: Write, tmp_path: Path) -> None:
    write(GATE.format(name="Gate"), "gate.py")
    write(PAIR + "raise SystemExit('imported')\n", "loud.py")
    assert at(tmp_path).find("gate").__name__ == "Gate"
    with pytest.raises(StitchError, match="imported"):
        at(tmp_path).find("outer")


def test_files_beside_a_block_can_be_imported(write: Write, tmp_path: Path) -> None:
    for folder, width in (("one", 1), ("two", 2)):
        write(f"WIDTH = {width}\n", f"{folder}/common.py")
        more = f"from common import WIDTH\n    Gate{width}.wide = WIDTH\n"
        write(GATE.format(name=f"Gate{width}") + more, f"{folder}/gate{width}.py")
    catalog = Catalog([str(tmp_path / "one"), str(tmp_path / "two")])
    assert (catalog.find("gate1").wide, catalog.find("gate2").wide) == (1, 2)


def test_ones_own_go_before_bundled_ones(write: Write, tmp_path: Path) -> None:
    write(GATE.format(name="Other"), "se.py")
    write(GATE.format(name="SiLU"), "acts.py")
    catalog = at(tmp_path)
    assert catalog.find("SE").__name__ == "Other"
    assert catalog.find("silu") is not nn.SiLU and catalog.find("nn.SiLU") is nn.SiLU
    assert catalog.find("stitchcli.blocks.se:SE").__module__ == "stitchcli.blocks.se"
    assert any("stitchcli.blocks.se:SE" in note for note in catalog.library.notes())


def test_a_file_that_does_not_parse(write: Write, tmp_path: Path) -> None:
    write("class Broken(:\n", "broken.py")
    (tmp_path / "zeros.py").write_bytes(b"\0\xff\xff")
    write(GATE.format(name="Gate"), "gate.py")
    library = Library((str(tmp_path),))
    notes = library.notes()
    assert len(notes) == 2 and "broken.py" in notes[0] and "line 1" in notes[0]
    assert "broken" not in [each.name for each in library.listed()]
    assert at(tmp_path).find("gate").__name__ == "Gate"
    with pytest.raises(StitchError, match=r"broken.py"):
        library.get("broken")
    with pytest.raises(StitchError, match=r"broken.py:1"):
        at(tmp_path).find("broken")


# ------------------------------------------------------------------------------- two of one name


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (("one/gate.py", "two/gate.py"), "gate"),
        (("one/gate.py", "two/GATE.py"), "gate"),
        (("one/a.py", "two/b.py"), "Gate"),
        (("one/a.py", "one/b.py"), "gate"),
        (("one/gate.py", "two/b.py"), "Gate"),
    ],
)
def test_two_of_one_name(write: Write, tmp_path: Path, files: tuple[str, str], name: str) -> None:
    for file in files:
        write(GATE.format(name="Gate"), file)
    folders = [str(tmp_path / "one"), str(tmp_path / "two")]
    (tmp_path / "two").mkdir(exist_ok=True)
    with pytest.raises(StitchError) as raised:
        Catalog(folders).find(name)
    assert all(str(tmp_path / file) in raised.value.message for file in files)
    assert f"{files[0]}:Gate" in raised.value.help
    assert Catalog(folders[:1] * 2).find("se").__name__ == "SE"


def test_a_file_goes_before_classes_in_other_files_of_its_folder(
    write: Write, tmp_path: Path
) -> None:
    write(GATE.format(name="Gate"), "gate.py")
    write(PAIR.replace("Inner", "Gate"), "pair.py")
    assert "Conv2d" not in str(at(tmp_path).find("gate").__mro__)


def test_the_same_folder_twice(write: Write, tmp_path: Path) -> None:
    write(GATE.format(name="Gate"), "own/gate.py")
    folders = (str(tmp_path / "own"), str(tmp_path / "own" / ".." / "own"))
    assert Library(folders).get("gate").class_name == "Gate"


def test_an_unknown_name_is_compared_with_ones_own(write: Write, tmp_path: Path) -> None:
    write(GATE.format(name="Spectral"), "spectral_gate.py")
    for name, meant in (("spectralgat", "spectral_gate"), ("dwcnov", "dwconv")):
        with pytest.raises(StitchError) as raised:
            at(tmp_path).find(name)
        assert meant in raised.value.help


@pytest.mark.parametrize("name", ["nowhere", "file.py"])
def test_what_is_no_folder(write: Write, tmp_path: Path, name: str) -> None:
    write("", "file.py")
    with pytest.raises(StitchError, match=name):
        inspect("unet", blocks=[tmp_path / name], device="meta")
    with pytest.raises(StitchError, match="blocks is a string"):
        inspect("unet", blocks=str(tmp_path), device="meta")


# ------------------------------------------------------------------------------- pyproject.toml


def test_settings_from_the_nearest_file(tmp_path: Path) -> None:
    below = tmp_path / "src" / "pkg"
    for folder in (below, tmp_path / "own"):
        folder.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.stitch]\nblocks = ["own"]\n')
    assert read_settings(tmp_path).blocks == ("own",)
    assert read_settings(below).blocks == (str(tmp_path / "own"),)
    # a file without a table for us says nothing
    (tmp_path / "src" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert read_settings(below).blocks == (str(tmp_path / "own"),)
    (tmp_path / "src" / "stitch.toml").write_text("")
    assert read_settings(below).blocks == ()
    (tmp_path / "src" / "stitch.toml").unlink()
    (tmp_path / "src" / ".git").mkdir()  # what lies around a repository is not its own
    assert read_settings(below).blocks == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('blocks = "own"', ["tool.stitch.blocks"]),
        ("blocks = [1]", ["tool.stitch.blocks"]),
        ('blocks = [""]', ["tool.stitch.blocks"]),
        ('blokcs = ["own"]', ["'blokcs'", "did you mean 'blocks'"]),
        ("colour = 1", ["'colour'", "settings are"]),
        ('blocks = ["onw"]', ["'onw'", "did you mean 'own'"]),
        ('blocks = ["pyproject.toml"]', ["'pyproject.toml'"]),
        ("blocks = [", ["document"]),
    ],
)
def test_settings_that_are_wrong(tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "pyproject.toml").write_text(f"[tool.stitch]\n{text}\n")
    with pytest.raises(StitchError) as raised:
        read_settings(tmp_path)
    said = raised.value.message + raised.value.help
    assert str(tmp_path / "pyproject.toml") in said and raised.value.help
    assert all(word in said for word in words)


@pytest.mark.parametrize("text", ["[tool]\nstitch = 1\n", "tool = 1 # stitch\n"])
def test_settings_that_are_no_table(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    if "tool = 1" in text:
        assert read_settings(tmp_path).blocks == ()
    else:
        with pytest.raises(StitchError, match=r"pyproject\.toml"):
            read_settings(tmp_path)


def test_settings_of_others_are_not_read(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"[tool.black\n\xff")  # somebody else's mistake
    monkeypatch.chdir(tmp_path)
    assert read_settings().blocks == ()
