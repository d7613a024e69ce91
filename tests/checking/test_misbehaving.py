"""A model's crash, hang or hunger is that model's finding; the others still report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from checking.conftest import NET, Repo, Stitch

INIT = "super().__init__()"
#: What stands in the constructor, and what is said of it.
CODE = {
    "hangs": ("import time; time.sleep(1000)", "did not end within 2 s"),
    "spins": ("\n        while True: pass", "did not end within 2 s"),
    "deaf": (
        "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (2, 14, 15)]; "
        "time.sleep(1000)",
        "did not end within 2 s",
    ),
    "leaves": ("import os; os._exit(0)", "its code ended the process, with exit code 0"),
    "exits": ("import sys; sys.exit(0)", "exit"),
    "aborts": ("import os; os.abort()", "SIGABRT"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
    "killed": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "hungry": (
        "\n        self.all = []\n        while True: self.all.append(bytearray(1 << 28))",
        "memory",
    ),
    "recursive": ("self.__init__()", "recursion"),
    "wordless": (
        "raise type('Odd', (BaseException,), {'__str__': lambda self: 1 / 0})",
        "raised while",
    ),
    "no_torch": ("import sys; sys.modules['torch'] = None; raise ValueError('odd')", "odd"),
}


@pytest.fixture
def net(empty: Repo) -> Repo:
    empty.write("good.py", NET)
    return empty


def settings(*names: str) -> str:
    return "".join(
        f'[[model]]\nname = "{name}"\ntarget = "{name}.py:Net"\ninput = "1x3x16x16"\n'
        "budget = { params = 1000 }\n"
        for name in names
    )


def report(stitch: Stitch, *words: str) -> tuple[int, dict[str, Any]]:
    found = stitch("check", "-f", "json", *words)
    return found.code, {each["name"]: each for each in json.loads(found.out)["models"]}


@pytest.mark.parametrize("name", CODE)
def test_the_others_still_report(
    net: Repo, stitch: Stitch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, words = CODE[name]
    monkeypatch.setattr("stitchcli.checking.run._free_memory", lambda: 3 << 30)
    instead = INIT + code if "\n" in code else f"{INIT}; {code}"
    net.write(f"{name}.py", NET.replace(INIT, instead))
    net.write("stitch.toml", settings("good", name))
    began = time.monotonic()
    exit_code, models = report(stitch, "--timeout", "2" if "2 s" in words else "60")
    assert exit_code == 2 and time.monotonic() - began < 60
    assert models["good"]["error"] is None
    assert models["good"]["checks"][-1]["status"] == "pass"
    assert words in models[name]["error"]["message"] + models[name]["error"]["details"]
    assert models[name]["checks"][0]["status"] == "unmeasured"


def test_a_fork_neither_reports_nor_stays(net: Repo, stitch: Stitch) -> None:
    """What the model's code started is gone with it, also where it made a session of its own."""
    pids = net.folder / "pids"
    code = (
        "import os, time\n"
        f"if os.fork() == 0:\n    open({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
        "    time.sleep(100)\n"
    )
    net.write("forks.py", code + NET)
    runs_on = "import os\nos.fork()\n"  # both go on to build the network and to report
    net.write("twins.py", runs_on + NET)
    net.write("stitch.toml", settings("good", "forks", "twins"))
    exit_code, models = report(stitch)
    assert exit_code == 0, models
    assert [each["checks"][-1]["actual"] for each in models.values()] == [242] * 3
    for pid in pids.read_text().split():
        with pytest.raises(ProcessLookupError):
            for _ in range(100):
                os.kill(int(pid), 0)
                time.sleep(0.05)


def test_processes_and_threads_of_its_own(net: Repo) -> None:
    """They are allowed, and leave neither a process nor a word behind."""
    net.write(
        "busy.py",
        "import multiprocessing, threading, time\nfrom torch.utils.data import DataLoader\n"
        "threading.Thread(target=lambda: time.sleep(1000)).start()\n"
        "context = multiprocessing.get_context('fork')\nlock = context.Lock()\n"
        "process = context.Process(target=time.sleep, args=(1000,))\nprocess.start()\n"
        "next(iter(DataLoader(list(range(8)), num_workers=1)))\n" + NET,
    )
    net.write("stitch.toml", settings("good", "busy"))
    words = [sys.executable, "-m", "stitchcli", "check"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr


def test_a_megabyte_of_output(net: Repo, stitch: Stitch) -> None:
    loud = "import os, sys\nprint('x' * 1_000_000)\nsys.stderr.write('y' * 1_000_000)\n"
    loud += "os.write(1, b'z' * 1_000_000)\n"
    net.write("loud.py", loud + NET)
    net.write("stitch.toml", settings("good", "loud"))
    exit_code, models = report(stitch)
    assert exit_code == 0 and models["loud"]["error"] is None
    net.write("loud.py", loud + "print('last words', flush=True)\nraise ValueError('of its own')\n")
    exit_code, models = report(stitch)
    details = models["loud"]["error"]["details"]
    assert exit_code == 2 and "last words" in details and len(details) < 20_000


def test_output_that_is_no_text(net: Repo, stitch: Stitch) -> None:
    net.write(
        "odd.py", "import os\nos.write(2, bytes(range(256)))\nraise ValueError('\\x00\\ud800')\n"
    )
    net.write("stitch.toml", settings("good", "odd"))
    for format in ("table", "json", "junit", "sarif", "github", "markdown", "concise"):
        assert stitch("check", "-f", format).code == 2


def test_a_file_that_hides_the_standard_library(net: Repo, stitch: Stitch) -> None:
    for name in ("random", "types", "socket", "signal", "torch", "msgspec"):
        net.write(f"{name}.py", "raise RuntimeError('not this one')\n")
    net.write("stitch.toml", settings("good"))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "stitchcli", "check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_working_directory_stays_as_it_was(net: Repo, stitch: Stitch) -> None:
    net.write("stitch.toml", settings("good"))
    net.commit()
    assert stitch("check", "--base", "HEAD").code == 0
    assert net.git("status", "--porcelain", "--ignored") == ""
    assert {each.name for each in net.folder.iterdir()} == {".git", "good.py", "stitch.toml"}


def test_nothing_is_left_in_the_temporary_folder(
    net: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net.write("stitch.toml", settings("good"))
    net.commit()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "stitchcli", "check", "--base", "HEAD"],
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [each.name for each in temporary.iterdir()] == []


@pytest.mark.parametrize(("number", "code"), [(2, 130), (15, 143), (1, 129)])
def test_a_signal_stops_everything(net: Repo, number: int, code: int, tmp_path: Path) -> None:
    pids = net.folder / "pid"
    write = f"open({str(pids)!r}, 'w').write(str(os.getpid()))"
    net.write("hangs.py", f"import os, time\n{write}\ntime.sleep(1000)\n")
    net.write("stitch.toml", settings("hangs"))
    net.commit()
    temporary = tmp_path / "t"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "stitchcli", "check", "--base", "HEAD"],
        env={**os.environ, "TMPDIR": str(temporary)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for _ in range(600):
        if pids.exists() and pids.read_text():
            break
        time.sleep(0.1)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code and "Traceback" not in err
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.kill(int(pids.read_text()), 0)
            time.sleep(0.05)
    assert not list(temporary.iterdir())


def test_the_parent_never_imports_torch(net: Repo) -> None:
    net.write("stitch.toml", settings("good"))
    code = (
        "import sys; sys.argv = ['stitch', 'check']\n"
        "from stitchcli.cli.main import run\n"
        "code = run(); assert code == 0, code\n"
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
