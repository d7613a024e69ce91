"""stitch blocks: the list, a block's page, copies in a project."""

import json
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from stitchcli.catalog import Catalog
from stitchcli.cli.block_views import list_text
from stitchcli.cli.block_words import examples
from stitchcli.entries import BlockEntry
from stitchcli.library import bundled

ONE_OF_EACH = ["groupconv", "pconv", "se", "aff", "concatconv", "adown", "upconv", "c3", "resize"]


def run(stitch: Any, *words: str, **more: Any) -> Any:
    return stitch(*words, command="blocks", **more)


def listed(stitch: Any, *words: str) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = json.loads(run(stitch, "list", "-f", "json", *words).out)[
        "blocks"
    ]
    return blocks


def first_words(text: str) -> list[str]:
    """What stands in the first column, without heads and families."""
    return [line.split()[0] for line in text.splitlines()[1:] if line.startswith("  ")]


# ------------------------------------------------------------------------------- list


@pytest.mark.parametrize("entry", bundled().values(), ids=bundled().keys())
def test_the_count_is_what_torch_builds(entry: BlockEntry) -> None:
    widths = {"in_channels", "out_channels", "channels", "skip_channels"}
    needed = {a.name for a in entry.arguments if a.default is None}
    assert needed <= widths | {"size"}
    given = {a.name: 64 for a in entry.arguments if a.name in widths}
    given |= dict.fromkeys(needed - widths, 8)
    module: nn.Module = Catalog().find(entry.name)(**given)
    assert entry.count() == sum(parameter.numel() for parameter in module.parameters())


def test_every_block_has_its_facts() -> None:
    for entry in bundled().values():
        assert not entry.fault and entry.summary and entry.family and entry.paper, entry.name
        assert "->" in entry.shape and entry.class_name, entry.name


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_list_fits_and_cuts_no_name(width: int) -> None:
    text = list_text(list(bundled().values()), width)
    assert max(map(len, text.splitlines())) <= width
    assert sorted(first_words(text)) == sorted(bundled()) and "…" not in text
    assert ("(B, a, H, W)" in text) == (width > 60) and ("MobileNets" in text) == (width == 200)


def test_the_list_by_family(stitch: Any) -> None:
    families = {entry.family for entry in bundled().values()}
    for family in families:
        result = run(stitch, "list", "--family", family)
        assert result.code == 0
        assert first_words(result.out) == [n for n, e in bundled().items() if e.family == family]
    heads = [line for line in run(stitch, "list").out.splitlines() if line and line[0] != " "]
    assert set(heads) == families and len(heads) == len(families)


def test_the_list_as_json_and_markdown(stitch: Any) -> None:
    blocks = {each["name"]: each for each in listed(stitch)}
    assert list(blocks) == list(bundled())
    assert blocks["dwconv"]["params_at_64"] == 64 * 9 + 64 * 64
    assert {"name": "groups", "default": "4"} in blocks["groupconv"]["arguments"]
    rows = run(stitch, "list", "-f", "markdown").out.splitlines()
    rows = [line for line in rows if line.startswith("| ") and line[2:5] not in ("---", "nam")]
    assert len(rows) == len(bundled()) and all(line.count("|") == 5 for line in rows)


def test_the_list_on_a_console_with_ascii_only(stitch: Any) -> None:
    assert run(stitch, "list", encoding="ascii").out.isascii()


@pytest.mark.parametrize("words", [["list"], ["show", "se"], ["add", "se", "--dry-run"]])
def test_neither_torch_nor_rich_is_imported(process: Any, words: list[str]) -> None:
    code = f"""
import sys
sys.argv = ["stitch", "blocks", *{words!r}]
from stitchcli.cli.main import run
code = run()
print(code, "torch" in sys.modules, "rich.table" in sys.modules, file=sys.stderr)
"""
    assert process("-c", code).err.split() == ["0", "False", "False"]


# ------------------------------------------------------------------------------- show


@pytest.mark.parametrize("name", ["se", "SE", "mscaunit", "msca_unit", "MSCA-Unit"])
def test_show(stitch: Any, name: str) -> None:
    result = run(stitch, "show", name)
    entry = bundled()[re.sub("[-_]", "", name).lower()]
    source = entry.file.read_text(encoding="utf-8")
    assert result.code == 0 and result.out.endswith(source.rstrip() + "\n")
    head = result.out.removesuffix(source)
    assert entry.paper in head and entry.parameters in head and f"{entry.count():,}" in head


def test_show_as_json(stitch: Any) -> None:
    document = json.loads(run(stitch, "show", "groupconv", "-f", "json").out)
    (block,) = document["blocks"]
    assert document["schema"] == "stitch.blocks/1" and block["params_at_64"] == 9280
    assert "class GroupConv" in block["source"]
    assert "--replace 'conv[k=3]=groupconv:groups=8'" in block["examples"]


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_its_examples_do_what_they_say(stitch: Any, name: str) -> None:
    for example in examples(bundled()[name]):
        result = stitch("unet", "-i", "1x3x64x64", "--device", "meta", *shlex.split(example))
        assert result.code == 0, f"{example}: {result.out}{result.err}"


def test_every_block_has_an_example_that_can_be_read() -> None:
    from stitchcli.words.edits import parse_edit

    for entry in bundled().values():
        found = examples(entry)
        assert found and len(set(found)) == len(found)
        assert all(entry.name in example and parse_edit(example) for example in found)


# ------------------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "--family", "atention"], "attention"),
        (["list", "--blocks", "nowhere"], "nowhere"),
        (["list", "--blocks", "net.py"], "net.py"),
        (["list", "-f", "yaml"], "yaml"),
        (["show", "dwcnov"], "dwconv"),
        (["show"], "name"),
        (["add", "se", "dwcnov"], "dwconv"),
        (["add", "se", "--to", "net.py"], "net.py is a file"),
        (["add", "se", "--to", "net.py/blocks"], "net.py is a file"),
        (["add", "se", "--to", "/proc/nowhere"], "/proc/nowhere"),
        (["add"], "name"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else None,
)
def test_what_cannot_be_done_is_2(stitch: Any, here: Path, words: list[str], said: str) -> None:
    before = sorted(here.iterdir())
    result = run(stitch, *words)
    assert result.code == 2 and not result.out and sorted(here.iterdir()) == before
    assert result.err.count("error:") == result.err.count("help:") == 1
    assert said in result.err.lower() and "Traceback" not in result.err


def test_an_error_as_json_names_the_command(stitch: Any) -> None:
    document = json.loads(run(stitch, "show", "nothing", "-f", "json").out)
    assert document["command"] == "blocks" and document["status"] == "error"


# ------------------------------------------------------------------------------- add


def test_add(stitch: Any, here: Path) -> None:
    result = run(stitch, "add", "se", "dwconv", "--to", "my blocks/attn")
    assert result.code == 0 and not result.err
    for name in ("se", "dwconv"):
        copy = here / "my blocks" / "attn" / f"{name}.py"
        assert copy.read_bytes() == bundled()[name].file.read_bytes()
        assert f"wrote my blocks/attn/{name}.py" in result.out
    flags = [line for line in result.out.splitlines() if "NETWORK" in line]
    assert flags[1].endswith("--replace 'conv=my blocks/attn/dwconv.py:DWConv'")
    for line in flags:
        words = [w.replace("NETWORK", "unet") for w in shlex.split(line)[2:]]
        assert stitch(*words, "-i", "1x3x32x32", "--device", "meta").code == 0


@pytest.mark.parametrize("folder", ["", "blocks", "models/模块"])
def test_add_says_how_to_import(stitch: Any, here: Path, process: Any, folder: str) -> None:
    if folder == "blocks":
        (here / "blocks").mkdir()  # taken without being asked for
    to = ["--to", folder] if folder == "models/模块" else []
    result = run(stitch, "add", "se", *to)
    assert (here / folder / "se.py").is_file()
    (line,) = [line for line in result.out.splitlines() if "import" in line]
    assert process("-c", f"{line}\nprint(SE(64).__class__.__name__)").out.strip() == "SE"


def test_add_leaves_what_is_there(stitch: Any, here: Path) -> None:
    (here / "se.py").write_text("# mine\n")
    result = run(stitch, "add", "dwconv", "se")
    assert result.code == 2 and "se.py" in result.err and "--force" in result.err
    assert (here / "se.py").read_text() == "# mine\n" and not (here / "dwconv.py").exists()
    assert run(stitch, "add", "dwconv", "se", "--force").code == 0
    assert "class SE" in (here / "se.py").read_text()
    again = run(stitch, "add", "dwconv", "se", "se")
    assert again.code == 0 and again.out.count("already there: ") == 2


def test_a_dry_run_writes_nothing(stitch: Any, here: Path) -> None:
    before = sorted(here.rglob("*"))
    result = run(stitch, "add", "se", "--to", "new/folder", "--dry-run")
    assert result.code == 0 and "would write new/folder/se.py" in result.out
    assert sorted(here.rglob("*")) == before
    (here / "se.py").write_text("# mine\n")
    assert run(stitch, "add", "se", "--dry-run").code == 2


@pytest.mark.parametrize("name", ["fsync", "replace"])
@pytest.mark.parametrize("force", [False, True])
def test_add_writes_all_or_none(
    stitch: Any, here: Path, monkeypatch: pytest.MonkeyPatch, name: str, force: bool
) -> None:
    if force:
        (here / "new").mkdir()
        (here / "new" / "se.py").write_text("# mine\n")
    before = {path: path.is_file() and path.read_bytes() for path in here.rglob("*")}
    calls, real = iter([True, False]), getattr(os, name)

    def full(*given: Any) -> Any:
        if next(calls):
            return real(*given)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, name, full)
        result = run(stitch, "add", "se", "dwconv", "--to", "new", *["--force"] * force)
    assert result.code == 2 and "No space left on device" in result.err
    assert "--to" in result.err and result.err.count("error:") == 1
    assert {path: path.is_file() and path.read_bytes() for path in here.rglob("*")} == before


def test_add_into_a_folder_that_cannot_be_written(
    stitch: Any, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("stitchcli.whole_files.tempfile.mkstemp", refused)
    result = run(stitch, "add", "se", "--to", "new")
    assert result.code == 2 and "error: cannot write new/se.py: Permission denied" in result.err
    assert not (here / "new").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="names no file there")
def test_add_where_the_path_has_signs_of_the_edit_language(stitch: Any, here: Path) -> None:
    out = run(stitch, "add", "groupconv", "--to", "a+b,c(1)").out
    words = shlex.split(next(line for line in out.splitlines() if "NETWORK" in line))[3:]
    assert stitch("unet", *words, "-i", "1x3x32x32", "--device", "meta").code == 0


# ------------------------------------------------------------------------------- one's own


@pytest.fixture
def own(here: Path) -> Path:
    """A folder with a block, one of a bundled name, a broken file, and settings that name it."""
    folder = here / "我的 blocks"
    folder.mkdir()
    gate = bundled()["se"].file.read_text(encoding="utf-8").replace("SE", "Gate")
    (folder / "门.py").write_bytes(gate.replace("Squeeze", "门 Squeeze").encode("gbk"))
    (folder / "eca.py").write_text(gate.replace("Gate", "Mine"))
    (folder / "broken.py").write_text("class (:\n")
    return folder


@pytest.mark.parametrize("by_settings", [False, True])
def test_folders_on_the_command_line(stitch: Any, own: Path, by_settings: bool) -> None:
    flags = ["--blocks", own.name]
    if by_settings:
        text = f'[tool.stitch]\nblocks = ["{own.name}"]\n'
        (own.parent / "pyproject.toml").write_text(text, encoding="utf-8")
        flags = []
    text = run(stitch, "list", *flags).out
    assert "门" in first_words(text) and "broken.py is left out: line 1" in text
    assert "stitchcli.blocks.eca:ECA" in text
    assert "class Gate" in run(stitch, "show", "门", *flags).out
    for example in json.loads(run(stitch, "show", "门", "-f", "json", *flags).out)["blocks"][0][
        "examples"
    ]:
        assert stitch("unet", *shlex.split(example), "--device", "meta").code == 0
    result = stitch("unet", "--after", "down1=门", "--after", "down2=eca", *flags, "-f", "json")
    built = [b["block"] for e in json.loads(result.out)["models"][0]["edits"] for b in e["built"]]
    assert result.code == 0 and built == ["门", "eca"]
    copied = run(stitch, "add", "门", "--to", "copies", *flags)
    assert "from copies.门 import Gate" in copied.out
    assert (own.parent / "copies" / "门.py").read_bytes() == (own / "门.py").read_bytes()


def test_the_list_is_aligned_where_signs_are_wide(stitch: Any, own: Path) -> None:
    lines = run(stitch, "list", "--family", "attention", "--blocks", own.name).out.splitlines()
    (wide,) = [line for line in lines if line.startswith("  门")]
    (plain,) = [line for line in lines if line.startswith("  se ")]
    assert wide.index("(B") + 1 == plain.index("(B")


def test_no_report_goes_over_a_block_of_a_folder(stitch: Any, own: Path) -> None:
    before = (own / "eca.py").read_bytes()
    out = f"json:{own.name}/eca.py"
    result = stitch("net.py", "-i", "1x3x8x8", "--blocks", own.name, "--out", out)
    assert result.code == 2 and "eca.py" in result.err and (own / "eca.py").read_bytes() == before


@pytest.mark.parametrize("words", [["inspect", "net.py"], ["blocks", "list"]])
def test_settings_that_are_wrong_are_2(stitch: Any, here: Path, words: list[str]) -> None:
    (here / "pyproject.toml").write_text("[tool.stitch]\nblcoks = []\n")
    result = stitch(*words[1:], command=words[0])
    assert result.code == 2 and "pyproject.toml" in result.err and "'blocks'" in result.err
