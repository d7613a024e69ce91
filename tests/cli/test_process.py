"""What only a process of its own shows: imports, signals, terminals."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

WITHOUT_TORCH = """
import sys
sys.argv = ["stitch", *{words!r}]
from stitchcli.cli.main import run
try:
    code = run()
except SystemExit as error:
    code = error.code
print(code, "torch" in sys.modules, "rich" in sys.modules, file=sys.stderr)
"""
COMPLETION = {
    "_STITCH_COMPLETE": "complete_bash",
    "COMP_WORDS": "stitch inspect unet-",
    "COMP_CWORD": "2",
}


@pytest.mark.parametrize(
    ("words", "env", "code", "said"),
    [
        (["--help"], {}, 0, "inspect"),
        (["inspect", "--help"], {}, 0, "--replace"),
        (["--version"], {}, 0, "stitch 0"),
        (["explain", "st101"], {}, 0, "channels"),
        ([], {}, 2, "inspect"),
        (["inspect"], {}, 2, "target"),
        (["inspect", "unet", "--nothing"], {}, 2, "--nothing"),
        (["inspect", "unet", "--replace", "conv"], {}, 2, "SELECTOR=BLOCK"),
        (["inspect", "unet", "--format", "yaml"], {}, 2, "yaml"),
        ([], COMPLETION, 0, "unet-valid"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_torch_is_not_imported_to_say_a_word(
    process: Any, words: list[str], env: dict[str, str], code: int, said: str
) -> None:
    result = process("-c", WITHOUT_TORCH.format(words=words), env=env)
    *before, last = result.err.splitlines()
    assert last.split()[:2] == [str(code), "False"]
    assert said.lower() in (result.out + "\n".join(before)).lower()


def test_the_environment_decides_on_completion_alone(process: Any) -> None:
    result = process("-c", WITHOUT_TORCH.format(words=[]), env={"_STITCH_COMPLETE": "source_bash"})
    assert "complete" in result.out and " False " in result.err


def test_files_of_the_network_are_written_to_the_end(here: Path, process: Any) -> None:
    (here / "net.py").write_text(
        "from torch import nn\nlog = open('log.txt', 'w')\n"
        "class Net(nn.Linear):\n    def __init__(self):\n        super().__init__(4, 4)\n"
        "    def forward(self, x):\n        print('ran', file=log)\n"
        "        return super().forward(x)\n"
    )
    assert process("-m", "stitchcli", "inspect", "net.py", "--input", "1x4").code == 0
    assert "ran" in (here / "log.txt").read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("words", [["--help"], ["blocks", "list"], ["explain", "ST101"]])
def test_a_report_that_cannot_be_written_is_one_message(words: list[str]) -> None:
    command = [sys.executable, "-m", "stitchcli", *words]
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert run.returncode == 2 and "Traceback" not in run.stderr
    assert run.stderr.startswith("error: cannot write the report: No space left")


@pytest.mark.parametrize("format", ["json", "github", "sarif"])
def test_a_failure_that_cannot_be_written_is_one_message(format: str) -> None:
    command = [sys.executable, "-m", "stitchcli", "inspect", "nosuch", "--format", format]
    with open(os.devnull) as unwritable:  # noqa: PTH123
        run = subprocess.run(
            command, stdout=unwritable, stderr=subprocess.PIPE, text=True, check=False
        )
    assert run.returncode == 2 and "Traceback" not in run.stderr


def test_a_closed_stdout_is_no_bug(here: Path) -> None:
    command = f"{sys.executable} -m stitchcli blocks list >&-"
    run = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, check=False)
    assert run.returncode == 0 and not run.stderr


def test_an_interrupt_gives_130(here: Path) -> None:
    (here / "slow.py").write_text(
        "import sys, time\nprint('ready', file=sys.stderr, flush=True)\ntime.sleep(60)\n"
    )
    words = [sys.executable, "-m", "stitchcli", "inspect", "slow.py", "--out", "json:r.json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stderr is not None and b"ready" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert b"Traceback" not in err and not out and not (here / "r.json").exists()


def test_a_reader_that_goes_away_is_no_error(here: Path) -> None:
    words = f"{sys.executable} -m stitchcli inspect net.py --input 1x3x8x8 -f json | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", words], capture_output=True, timeout=60)
    assert done.stdout == b"{" and not done.stderr and done.returncode == 0


def in_terminal(columns: int, *words: str) -> str:
    """What the program prints in a terminal of a width."""
    env = {**os.environ, "COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "xterm"}
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "stitchcli", "inspect", *words]
    with subprocess.Popen(command, stdout=child, stderr=child, env=env):
        os.close(child)
        chunks: list[bytes] = []
        stop = time.monotonic() + 60
        while time.monotonic() < stop:
            try:
                chunk = os.read(parent, 65536)
            except OSError:
                break
            if not chunk:
                break
            chunks.append(chunk)
    os.close(parent)
    text = b"".join(chunks).decode().replace("\r\n", "\n")
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def table_of(text: str) -> list[str]:
    """The lines from the head of the stage table to its end."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.lstrip().startswith("stage "))
    last = next(i for i, line in enumerate(lines) if line.strip().startswith("parameters  "))
    return lines[first:last]


def first_column(table: list[str]) -> list[str]:
    """What stands under ``stage``: a name may hold single blanks, columns stand further apart."""
    rows = (line.strip() for line in table[2:] if line.strip())
    return [re.split(r"\s{2,}", row)[0] for row in rows]


def test_the_table_fits_a_terminal_and_loses_nothing(
    stitch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("unet", "--replace", "conv=dwconv", "--depth", "2", "--device", "meta")
    narrow = table_of(in_terminal(80, *words))
    assert max(map(len, narrow)) <= 80
    assert not any(sign in line for line in narrow for sign in ("…", "..."))
    monkeypatch.setenv("COLUMNS", "200")
    wide = table_of(stitch(*words).out)
    assert first_column(narrow) == first_column(wide) != []


def test_help_points_to_the_list_of_blocks(stitch: Any) -> None:
    assert "stitch blocks list" in " ".join(stitch("--help").out.split())
