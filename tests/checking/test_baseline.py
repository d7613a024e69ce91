"""The baseline file: what is written, by whom, and that nothing is ever lost of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from checking.conftest import NET, Repo, Stitch
from cli.conftest import unprivileged

GROWN = NET.replace("self.last =", "self.more = nn.Linear(3, 3)\n        self.last =")
FILE = Path("stitch-baseline.json")
OTHER = '"kept": {"context": {"torch": "1", "inputs": [], "mode": "eval"}, "values": {"params": 1}}'


def settings(*names: str) -> str:
    return "".join(
        f'[[model]]\nname = "{name}"\ntarget = "net.py:Net"\ninput = "1x3x16x16"\n'
        f"kwargs = {{ width = {8 + at} }}\nbudget = {{ params = 10_000 }}\n"
        for at, name in enumerate(names)
    )


@pytest.fixture
def net(empty: Repo) -> Repo:
    empty.write("net.py", NET)
    empty.write("stitch.toml", settings("a", "b"))
    return empty


def blocks() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())["models"]
    return found


def test_what_is_written(net: Repo, stitch: Stitch) -> None:
    assert stitch("baseline", "accept").code == 0
    text = FILE.read_text()
    block = blocks()["a"]
    assert block["values"] == {
        "params": 242, "trainable": 242, "buffers": 0,
        "macs": 256 * (3 * 9 * 8 + 8 * 2), "flops": 512 * (3 * 9 * 8 + 8 * 2),
    }  # fmt: skip
    assert block["context"]["inputs"] == ["1x3x16x16"] and block["outputs"] == ["1x2x16x16"]
    assert block["state"]["first.weight"] == "8x3x3x3"
    assert block["modules"]["last"] == {"params": 18, "trainable": 18, "macs": 256 * 16}
    assert sum(each.get("macs", 0) for each in block["modules"].values()) == block["values"]["macs"]
    for table in (block, *block.values(), blocks()):
        if isinstance(table, dict):
            assert list(table) == sorted(table)
    again = stitch("baseline", "accept")
    assert again.out == "a: unchanged\nb: unchanged\n" and FILE.read_text() == text


def test_others_stay(net: Repo, stitch: Stitch) -> None:
    FILE.write_text(f'{{"schema": "stitch.baseline/1", "models": {{{OTHER}}}}}')
    assert stitch("baseline", "accept", "b").code == 0
    assert set(blocks()) == {"kept", "b"}
    assert blocks()["kept"]["values"] == {"params": 1}
    shown = stitch("baseline", "show", "b")
    assert shown.code == 0 and "params" in shown.out and "272" in shown.out
    assert stitch("baseline", "show", "bb").code == 2
    pruned = stitch("baseline", "prune")
    assert pruned.out == "taken out: kept\n" and set(blocks()) == {"b"}
    assert stitch("baseline", "prune").out == "there is nothing to take out\n"


def test_what_cannot_be_measured_keeps_its_block(net: Repo, stitch: Stitch) -> None:
    stitch("baseline", "accept")
    before = blocks()
    text = settings("a", "b").replace('"net.py:Net"', '"gone.py:Net"', 1)
    net.write("stitch.toml", text.replace("width = 9", "width = 10"))
    found = stitch("baseline", "accept")
    assert found.code == 2 and "error: a is not accepted" in found.err
    assert blocks()["a"] == before["a"] and blocks()["b"] != before["b"]
    faulty = NET.replace("nn.Conv2d(width, 2, 1)", "nn.Conv2d(width + 1, 2, 1)")
    net.write("gone.py", faulty)
    found = stitch("baseline", "accept")
    assert found.code == 2 and "it has faults" in found.err and blocks()["a"] == before["a"]


@pytest.mark.parametrize("command", ["accept", "prune"])
def test_ci_does_not_accept(
    net: Repo, stitch: Stitch, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    stitch("baseline", "accept", "a")
    monkeypatch.setenv("CI", "true")
    before = FILE.read_text()
    refused = stitch("baseline", command)
    assert refused.code == 2 and "--write" in refused.err and FILE.read_text() == before
    assert stitch("baseline", command, "--write").code == 0


@pytest.mark.parametrize(
    ("metric", "value", "words"),
    [("params", 10**9, "its modules have 242"), ("macs", -1, ">= 0"), ("buffers", "3", "str")],
)
def test_a_block_that_was_edited(
    net: Repo, stitch: Stitch, metric: str, value: object, words: str
) -> None:
    stitch("baseline", "accept", "a")
    whole = json.loads(FILE.read_text())
    whole["models"]["a"]["values"][metric] = value
    FILE.write_text(json.dumps(whole))
    found = stitch("check")
    assert found.code == 2 and words in found.out


def test_show_of_nothing(net: Repo, stitch: Stitch) -> None:
    for command in ("show", "prune"):
        found = stitch("baseline", command)
        assert found.code == 2 and "stitch baseline accept" in found.err


def test_two_accepts_at_once(net: Repo) -> None:
    """Both take effect, whichever writes last."""
    names = [f"m{index}" for index in range(6)]
    net.write("stitch.toml", settings(*names))
    words = [sys.executable, "-m", "stitchcli", "baseline", "accept"]
    running = [subprocess.Popen([*words, name], stdout=subprocess.PIPE) for name in names[:3]]
    running += [subprocess.Popen([*words, *names[3:]], stdout=subprocess.PIPE)]
    for each in running:
        each.communicate(timeout=120)
        assert each.returncode == 0
    assert set(blocks()) == set(names)


_STOPS_BEFORE = """
import os, sys
from stitchcli import whole_files
real = os.replace
def slow(*words):
    print('ready', flush=True)
    import time; time.sleep({seconds})
    return real(*words)
{patch}
from stitchcli.cli.main import run
sys.argv = ['stitch', 'baseline', 'accept']
sys.exit(run())
"""


@pytest.mark.parametrize("place", ["os.replace = slow", "os.fsync = slow"])
def test_killed_in_the_middle(net: Repo, stitch: Stitch, place: str) -> None:
    """The file is the old one or the new one, and the next accept is not in its way."""
    stitch("baseline", "accept")
    old = FILE.read_text()
    net.write("net.py", GROWN)
    code = _STOPS_BEFORE.format(seconds=60, patch=place)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None and running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGKILL)
    assert FILE.read_text() == old
    assert stitch("baseline", "accept").code == 0
    assert blocks()["a"]["values"]["params"] == 242 + 12


def test_killed_at_any_time(net: Repo, stitch: Stitch) -> None:
    stitch("baseline", "accept")
    contents = {FILE.read_text()}
    net.write("net.py", GROWN)
    words = [sys.executable, "-m", "stitchcli", "baseline", "accept"]
    began = time.monotonic()
    subprocess.run(words, capture_output=True, check=True)
    whole = time.monotonic() - began
    contents.add(FILE.read_text())
    for part, source in zip((0.5, 0.9, 0.97, 1.0), (NET, GROWN, NET, GROWN), strict=True):
        net.write("net.py", source)  # so that there is something to write
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True) as running:
            time.sleep(whole * part)
            os.killpg(running.pid, signal.SIGKILL)
        assert FILE.read_text() in contents


def test_a_read_only_directory(net: Repo, stitch: Stitch) -> None:
    stitch("baseline", "accept", "a")
    before = FILE.read_text()
    net.folder.chmod(0o555)
    try:
        found = unprivileged("baseline", "accept")
    finally:
        net.folder.chmod(0o755)
    assert found.code == 2 and "cannot write" in found.err and FILE.read_text() == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A file system with room for 64 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(net: Repo, stitch: Stitch, small_disk: Path) -> None:
    file = small_disk / "base.json"
    net.write("stitch.toml", f'baseline = "{file}"\n' + settings("a"))
    assert stitch("baseline", "accept").code == 0
    before = file.read_text()
    (small_disk / "filler").write_bytes(b"0" * 60_000)
    wide = GROWN.replace("nn.Linear(3, 3)", "nn.Sequential(*[nn.Linear(3, 3) for _ in range(200)])")
    net.write("net.py", wide)
    found = stitch("baseline", "accept")
    assert found.code == 2 and "No space left" in found.err
    assert file.read_text() == before and sorted(p.name for p in small_disk.iterdir()) == [
        "base.json", "filler",
    ]  # fmt: skip


def test_a_read_only_file_system(net: Repo, stitch: Stitch, small_disk: Path) -> None:
    file = small_disk / "base.json"
    net.write("stitch.toml", f'baseline = "{file}"\n' + settings("a"))
    assert stitch("baseline", "accept").code == 0
    before = file.read_text()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    net.write("net.py", NET.replace("width, 2, 1", "width, 2, 1, bias=False"))
    found = stitch("baseline", "accept")
    assert found.code == 2 and "Read-only file system" in found.err
    assert file.read_text() == before
