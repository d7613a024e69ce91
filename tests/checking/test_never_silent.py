"""A budget never passes in silence: every way in which a check could have measured nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checking.conftest import NET, Repo, Stitch
from cli.conftest import unprivileged

FAULTY = NET.replace("nn.Conv2d(width, 2, 1)", "nn.Conv2d(width + 1, 2, 1)")
UNCOUNTED = NET.replace(
    "return self.last(self.first(x))",
    "return torch.fft.rfft2(self.last(self.first(x))).real",
)


def settings(budget: str, more: str = "", top: str = "") -> str:
    return f"""\
{top}
[[model]]
name = "net"
target = "net.py:Net"
input = "1x3x16x16"
{more}
[model.budget]
{budget}
"""


@pytest.fixture
def net(empty: Repo) -> Repo:
    """A project with one small network, without a commit."""
    empty.write("net.py", NET)
    empty.write("stitch.toml", settings("params = 1000"))
    return empty


def checks(stitch: Stitch, *words: str) -> dict[str, tuple[str, str]]:
    """Status and text of each check of the first model."""
    report = json.loads(stitch("check", "-f", "json", *words).out)
    return {each["id"]: (each["status"], each["text"]) for each in report["models"][0]["checks"]}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import nothing_like_it\n", "imports nothing_like_it"),
        ("raise ValueError('of its own')\n", "of its own"),
        ("def (:\n", "syntax"),
        ("X = 1\n", "has no 'Net'"),
        (NET.replace("super().__init__()", "raise RuntimeError('no')"), "no"),
        (NET.replace("return self.last", "raise ZeroDivisionError('in it'); return self.last"),
         "in it"),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_loaded(net: Repo, stitch: Stitch, source: str, words: str) -> None:
    net.write("net.py", source)
    found = stitch("check")
    assert found.code == 2 and "net could not be measured" in found.out
    assert words in found.out and found.out.endswith("1 check not measured\n")
    assert checks(stitch)["params.max"][0] == "unmeasured"


def test_a_model_that_is_not_there(net: Repo, stitch: Stitch) -> None:
    (net.folder / "net.py").unlink()
    assert stitch("check").code == 2


def test_a_config_without_models(net: Repo, stitch: Stitch) -> None:
    net.write("stitch.toml", "")
    found = stitch("check")
    assert found.code == 2 and "no [[model]]" in found.err and "stitch init" in found.err


def test_no_config(empty: Repo, stitch: Stitch) -> None:
    found = stitch("check")
    assert found.code == 2 and "there is no stitch.toml" in found.err


def test_a_model_without_a_budget(net: Repo, stitch: Stitch) -> None:
    net.write("stitch.toml", settings(""))
    found = stitch("check")
    assert found.code == 2 and "nothing would be checked" in found.err


def test_a_name_that_no_model_has(net: Repo, stitch: Stitch) -> None:
    found = stitch("check", "nte")
    assert found.code == 2 and "did you mean 'net'" in found.err


def test_an_unknown_key(net: Repo, stitch: Stitch) -> None:
    net.write("stitch.toml", settings("parms = 3"))
    found = stitch("check")
    assert found.code == 2 and "stitch.toml:8" in found.err and "'params'" in found.err


@pytest.mark.parametrize("kind", ["params", "macs", "buffers", "flops", "trainable"])
def test_a_subtree_that_matches_nothing(net: Repo, stitch: Stitch, kind: str) -> None:
    net.write("stitch.toml", settings(f'"{kind}@lsat" = 3'))
    found = stitch("check")
    assert found.code == 2 and "did you mean 'last'" in found.out


def test_a_baseline_that_is_not_there(net: Repo, stitch: Stitch) -> None:
    net.write("stitch.toml", settings("params = 1000", top='baseline = "b.json"'))
    found = stitch("check")
    assert found.code == 2 and "b.json is not there; stitch baseline accept" in found.out
    # what needs none still holds
    assert checks(stitch)["params.max"][0] == "pass"


def test_a_model_that_the_baseline_lacks(net: Repo, stitch: Stitch) -> None:
    stitch("baseline", "accept")
    net.write("stitch.toml", settings("params = 1000").replace('"net"', '"other"'))
    found = stitch("check")
    assert found.code == 2 and "stitch-baseline.json has no other" in found.out


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "other", "models": {}}', "\0\xff",
    "<<<<<<< HEAD\n{}\n", '{"schema": "stitch.baseline/1", "models": {"net": {}}}'])  # fmt: skip
def test_a_baseline_that_cannot_be_read(net: Repo, stitch: Stitch, text: str) -> None:
    Path("stitch-baseline.json").write_bytes(text.encode("latin-1"))
    found = stitch("check")
    assert found.code == 2 and "stitch-baseline.json" in found.out, found
    refused = stitch("baseline", "accept")
    assert refused.code == 2 and "stitch-baseline.json" in refused.err
    assert Path("stitch-baseline.json").read_bytes() == text.encode("latin-1")


GROWTH = 'max-increase = "1%"'


def test_a_baseline_of_another_input(net: Repo, stitch: Stitch) -> None:
    net.write("stitch.toml", settings(f"params = {{ {GROWTH} }}\nmacs = {{ {GROWTH} }}"))
    assert stitch("baseline", "accept").code == 0
    assert stitch("check").code == 0
    text = settings(f"params = {{ {GROWTH} }}\nmacs = {{ {GROWTH} }}")
    net.write("stitch.toml", text.replace("16x16", "8x8"))
    found = checks(stitch)
    assert found["params.max-increase"][0] == "pass"
    assert found["macs.max-increase"][0] == "unmeasured"
    assert "for input 1x3x16x16, not 1x3x8x8" in found["macs.max-increase"][1]
    assert stitch("check").code == 2


def test_a_baseline_of_another_mode(net: Repo, stitch: Stitch) -> None:
    stitch("baseline", "accept")
    net.write("stitch.toml", settings(f"macs = {{ {GROWTH} }}", 'mode = "train"'))
    assert checks(stitch)["macs.max-increase"][0] == "unmeasured"


def test_a_baseline_of_another_torch(net: Repo, stitch: Stitch) -> None:
    stitch("baseline", "accept")
    file = Path("stitch-baseline.json")
    whole = json.loads(file.read_text())
    whole["models"]["net"]["context"]["torch"] = "1.2.3"
    file.write_text(json.dumps(whole))
    found = stitch("check")
    assert found.code == 0 and "measured with torch 1.2.3" in found.out
    assert checks(stitch)["base"][0] == "warn"


def test_an_increase_over_nothing(net: Repo, stitch: Stitch) -> None:
    net.write("stitch.toml", settings(f"params = {{ {GROWTH} }}"))
    found = stitch("check", "--base", "none")
    assert found.code == 2 and "there is no base to compare with" in found.out
    # by default there is one, but there is no commit yet
    assert stitch("check").code == 2


def test_checkpoints_of_nothing(net: Repo, stitch: Stitch) -> None:
    net.write("stitch.toml", settings("checkpoint-compatible = true"))
    assert stitch("check", "--base", "none").code == 2
    net.commit()
    assert stitch("check").code == 0
    net.write("net.py", NET.replace("self.last", "self.end"))
    found = checks(stitch)["checkpoint-compatible"]
    assert found[0] == "fail" and "last.weight" in found[1]
    assert stitch("check").code == 1
    net.write("stitch.toml", settings('checkpoint-compatible = "warn"'))
    assert stitch("check").code == 0


@pytest.mark.parametrize(("grade", "code"), [("error", 2), ("warn", 0), ("ignore", 0)])
def test_an_op_without_a_formula(net: Repo, stitch: Stitch, grade: str, code: int) -> None:
    net.write("net.py", UNCOUNTED)
    net.write("stitch.toml", settings("macs = 1_000_000", top=f'uncounted-ops = "{grade}"'))
    found = stitch("check")
    assert found.code == code
    assert ("no formula for the MACs of" in found.out) == (grade != "ignore")


@pytest.mark.parametrize(("grade", "code"), [("error", 1), ("warn", 2), ("ignore", 2)])
def test_a_fault(net: Repo, stitch: Stitch, grade: str, code: int) -> None:
    """A shape fault is a finding; where faults are none, MACs that it hides are not measured."""
    net.write("net.py", FAULTY)
    net.write("stitch.toml", settings("macs = 1_000_000", top=f'faults = "{grade}"'))
    found = stitch("check")
    assert found.code == code
    assert ("ST101" in found.out) == (grade != "ignore")
    net.write("stitch.toml", settings("params = 1_000", top=f'faults = "{grade}"'))
    assert stitch("check").code == (1 if grade == "error" else 0)


def test_a_fault_that_was_there_before(net: Repo, stitch: Stitch) -> None:
    net.write("net.py", FAULTY)
    net.write("stitch.toml", settings("params = 1_000", top='base = "HEAD"'))
    net.commit()
    assert checks(stitch)["faults"][0] == "inherited"
    assert stitch("check").code == 0
    more = FAULTY.replace("nn.Conv2d(3, width", "nn.Conv2d(4, width")
    net.write("net.py", more)
    assert stitch("check").code == 1


CATS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x):
        a = self.first(x)
        b = torch.cat([a, a[:, :, 1:]], 1)
        {more}
        return b
"""


def test_a_second_fault_of_one_kind_is_no_old_one(net: Repo, stitch: Stitch) -> None:
    budget = "params = 1_000\nmacs = 1_000_000\noutput-shape = '1x8x16x16'"
    net.write("stitch.toml", settings(budget, top='base = "HEAD"'))
    net.write("net.py", CATS.format(more="pass"))
    net.commit()
    found = checks(stitch)
    # nothing is worse than it was, and what the fault hides was hidden before
    hidden = {"faults", "macs.max", "output-shape"}
    assert {name for name, (status, _) in found.items() if status == "inherited"} == hidden
    assert stitch("check").code == 0
    net.write("net.py", CATS.format(more="c = torch.cat([a, a[:, :, 2:]], 1)"))
    assert checks(stitch)["faults"][0] == "fail" and stitch("check").code == 1


def test_a_model_that_is_held_to_nothing(net: Repo, stitch: Stitch) -> None:
    net.write("stitch.toml", settings("", 'faults = "ignore"'))
    found = stitch("check")
    assert found.code == 2 and "nothing would be checked" in found.err


SCALAR = NET.replace("return self.last(self.first(x))", "return self.last(self.first(x)).mean()")


def test_a_scalar_output(net: Repo, stitch: Stitch) -> None:
    net.write("net.py", SCALAR)
    net.write("stitch.toml", settings('output-shape = "1x2"'))
    assert "the output is (), and not 1x2" in stitch("check").out
    (net.folder / "stitch.toml").unlink()
    assert stitch("init", "net.py", "--input", "1x3x16x16").code == 0
    assert 'output-shape = "()"' in (net.folder / "stitch.toml").read_text()
    assert stitch("check").code == 0
    net.write("net.py", SCALAR.replace(".mean()", ".argmax()"))
    assert stitch("check").code == 0  # shapes are compared, whatever their dtypes


def test_settings_that_may_not_be_read(net: Repo) -> None:
    (net.folder / "stitch.toml").chmod(0)
    found = unprivileged("check")
    assert found.code == 2 and "cannot read" in found.err


@pytest.mark.parametrize("shape", ["1x2x16x16", "1x3x16x16"])
def test_the_output_shape(net: Repo, stitch: Stitch, shape: str) -> None:
    net.write("stitch.toml", settings(f'output-shape = "{shape}"'))
    found = stitch("check")
    assert found.code == int(shape != "1x2x16x16")
    if found.code:
        assert "the output is 1x2x16x16, and not 1x3x16x16" in found.out


def test_a_new_model_has_no_base(net: Repo, stitch: Stitch) -> None:
    net.write("stitch.toml", "")
    net.git("add", "stitch.toml")
    net.git("commit", "-qm", "before the model")
    net.write("stitch.toml", settings(f"params = {{ max = 1000, {GROWTH} }}"))
    found = stitch("check", "--base", "HEAD")
    assert found.code == 0 and "a new model has no base to grow from" in found.out


@pytest.mark.parametrize("base", ["nowhere", "merge-base:nowhere"])
def test_a_base_that_is_not_there(net: Repo, stitch: Stitch, base: str) -> None:
    net.commit()
    found = stitch("check", "--base", base)
    assert found.code == 2 and "nowhere" in found.out
    assert checks(stitch, "--base", base)["params.max"][0] == "pass"


def test_a_base_that_does_not_load(net: Repo, stitch: Stitch) -> None:
    net.write("net.py", "raise ValueError('before')\n")
    net.commit()
    net.write("net.py", NET)
    net.write("stitch.toml", settings(f"params = {{ max = 1000, {GROWTH} }}"))
    found = checks(stitch, "--base", "HEAD")
    assert found["params.max"][0] == "pass" and found["params.max-increase"][0] == "unmeasured"
    assert "before" in found["base"][1]


def test_outside_of_any_repository(
    tmp_path: Path, stitch: Stitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(NET)
    Path("stitch.toml").write_text(settings("params = 1000"))
    assert stitch("check").code == 0
    found = stitch("check", "--base", "main")
    assert found.code == 2 and "no git repository" in found.out


def test_the_worst_model_decides(net: Repo, stitch: Stitch) -> None:
    one = settings("params = 1000")
    over = one.replace('"net"', '"over"').replace("1000", "10")
    gone = one.replace('"net"', '"gone"').replace("net.py", "nowhere.py")
    net.write("stitch.toml", one + over)
    assert stitch("check").code == 1 and stitch("check", "net").code == 0
    net.write("stitch.toml", one + over + gone)
    assert stitch("check").code == 2
    report = json.loads(stitch("check", "-f", "json").out)
    assert [each["name"] for each in report["models"]] == ["net", "over", "gone"]
    assert report["error"]["message"].startswith("gone: ") and report["status"] == "error"


def test_kwargs_and_edits(net: Repo, stitch: Stitch) -> None:
    more = "kwargs = { width = 4 }\nedits = ['--after first=SiLU']"
    net.write("stitch.toml", settings(f"params = {{ exact = {3 * 9 * 4 + 4 + 4 * 2 + 2} }}", more))
    found = stitch("check")
    assert found.code == 0, found
    net.write("stitch.toml", settings("params = 1000", "kwargs = { wdith = 4 }"))
    found = stitch("check")
    assert found.code == 2 and "did you mean 'width'" in found.out


def test_the_base_has_its_own_edits_and_blocks(net: Repo, stitch: Stitch) -> None:
    """Edits that name files of the repository read those of the base."""
    block = "from torch import nn\nclass Wide(nn.Conv2d):\n    def __init__(self, channels):\n"
    net.write("own/wide.py", f"{block}        super().__init__(channels, channels, 1)\n")
    more = "edits = ['--after first=own/wide.py:Wide']"
    text = settings("params = 1000", more, 'base = "HEAD"\nblocks = ["own"]')
    net.write("stitch.toml", text)
    net.commit()
    net.write("own/wide.py", f"{block}        super().__init__(channels, channels, 3, padding=1)\n")
    for edit in ("own/wide.py:Wide", "wide"):
        net.write("stitch.toml", text.replace("own/wide.py:Wide", edit))
        report = json.loads(stitch("check", "-f", "json").out)
        (model,) = report["models"]
        assert model["result"]["params"] - model["against"]["values"]["params"] == 8 * 8 * 8
