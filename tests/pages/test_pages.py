"""What the pages of counts and times say of figures that are known here."""

from __future__ import annotations

import sys

from accuracy.networks import NETWORKS
from accuracy.page import _beside, _percent, _summary
from bench import growth, run
from bench.clock import by_turns, peak_memory


def test_per_cent_of_the_reference() -> None:
    assert [_percent(count, 1000) for count in (1000, 1011, 650)] == ["0", "+1.1", "−35.0"]
    assert _percent(10001, 10000) == "≈0"


def test_a_failure_and_other_parameters_get_notes() -> None:
    notes: list[str] = []
    assert _beside("ValueError: no", (5, 10), "net", "tool", notes) == "failed (1)"
    assert _beside((4, 10), (5, 10), "net", "tool", notes) == "0 (2)"
    assert notes == ["tool on net: ValueError: no", "tool on net: 4 parameters for 5"]


def test_the_summary_counts_what_is_right() -> None:
    rows = {
        NETWORKS[0]: {"torch": (5, 1000), "tool": (5, 1000)},
        NETWORKS[1]: {"torch": (5, 1000), "tool": (4, 500)},
        NETWORKS[2]: {"torch": (5, 1000), "tool": "TypeError"},
    }
    assert _summary(rows, ["tool"]).splitlines()[-1] == "| tool | 1 of 3 | 1 | −50.0% | 1 | 1 |"  # type: ignore[arg-type]


def test_every_network_of_the_registry_is_one() -> None:
    assert len({net.name for net in NETWORKS}) == len(NETWORKS) >= 38


def test_aims_are_met_or_not() -> None:
    cpu = {name: {"floor": 1.0, "stitch": 1.2, "thop": 6.0} for name in run.nets.ON_CPU}
    meta = {name: {"floor": 2.0, "stitch": 1.0} for name in run.nets.ON_CPU}
    inside = {"unet": {"bare forward": [2.0, 1.0], "stitch trace": [2.0, 1.1]}}
    memory, commands = {"llama_7b": (4.0, 2 * 10**9)}, {"stitch --help": 0.1, "slow": 0.2}
    text = run._aims(cpu, meta, inside, memory, (1.0, 10**9), commands)
    assert [line.split(" | ")[-1].rstrip(" |") for line in text.splitlines()[2:]] == [
        "no", "yes", "yes", "yes", "yes", "yes", "no",
    ]  # fmt: skip


def test_linear_growth_has_the_exponent_1() -> None:
    text = growth._table("modules", [(n, 1.0 + n / 1000) for n in (10, 100, 1000)])
    assert "Each 1.00 ms; exponent 1.00." in text


def test_commands_that_fail_are_left_out() -> None:
    commands = {"good": [sys.executable, "-c", "pass"], "bad": [sys.executable, "-c", "1/0"]}
    assert by_turns(commands, 1).keys() == {"good"}
    seconds, size = peak_memory(commands["good"])
    assert 0 < seconds < 60 and size > 10**6
