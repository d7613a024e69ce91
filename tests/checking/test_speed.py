"""Ten networks of ResNet-50's size take at most three times as long as one."""

from __future__ import annotations

import subprocess
import sys
import time

from checking.conftest import Repo


def seconds(repo: Repo, count: int) -> float:
    repo.write(
        "stitch.toml",
        "".join(
            f'[[model]]\nname = "m{at}"\ntarget = "resnet50"\nbudget.params = "26M"\n'
            for at in range(count)
        ),
    )
    began = time.monotonic()
    words = [sys.executable, "-m", "stitchcli", "check", "--jobs", "2"]
    subprocess.run(words, check=True, capture_output=True)
    return time.monotonic() - began


def test_ten_networks(empty: Repo) -> None:
    # pairs, one behind the other: the machine may be busy with something else
    ratios = [seconds(empty, 10) / seconds(empty, 1) for _ in range(3)]
    assert min(ratios) <= 3, ratios
