"""Networks of a git revision, in a real repository."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from stitchcli import inspect
from stitchcli.errors import StitchError
from stitchcli.sources.revisions import at_merge_base

NET = """
from torch import nn
from parts import block

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = block(3)
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        return self.head(self.first(x))
"""
PARTS = "from torch import nn\n\ndef block(cin):\n    return nn.Conv2d(cin, 8, KERNEL)\n"


def git(repo: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words],
        cwd=repo, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three commits on main: a kernel of 1, a kernel of 3, a rename; then a branch, and a dirty
    work tree with a kernel of 7."""
    root = tmp_path / "a repository"
    (root / "models").mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")

    def commit(message: str) -> None:
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", message)

    def kernel(size: int) -> None:
        (root / "models/parts.py").write_text(PARTS.replace("KERNEL", str(size)))

    (root / "models/net.py").write_text(NET)
    kernel(1)
    commit("one")
    git(root, "tag", "v1")
    kernel(3)
    commit("two")
    git(root, "mv", "models/net.py", "models/renamed.py")
    commit("three")
    git(root, "checkout", "-q", "-b", "feature")
    kernel(5)
    commit("four")
    kernel(7)
    monkeypatch.chdir(root)
    return root


def kernel_of(target: str) -> int:
    report = inspect(target, device="meta", input="1x3x16x16")
    return int(report.result.layers["first"].attributes["kernel_size"][0])


def test_the_file_and_its_neighbour_are_those_of_the_revision(repo: Path) -> None:
    assert kernel_of("v1:models/net.py") == 1
    assert kernel_of("main~1:models/net.py:Net") == 3
    assert kernel_of("main:models/renamed.py") == 3
    assert kernel_of("HEAD:models/renamed.py") == 5
    assert kernel_of("models/renamed.py") == 7
    # and once more, after the others
    assert kernel_of("v1:models/net.py") == 1


def test_nothing_of_the_repository_is_touched(repo: Path) -> None:
    before = git(repo, "status", "--porcelain=v2", "--branch"), (repo / ".git/index").read_bytes()
    kernel_of("v1:models/net.py")
    after = git(repo, "status", "--porcelain=v2", "--branch"), (repo / ".git/index").read_bytes()
    assert before == after
    assert not list(repo.rglob("__pycache__"))


def test_from_a_folder_within_and_with_a_detached_head(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(repo, "checkout", "-q", "--detach")
    monkeypatch.chdir(repo / "models")
    assert kernel_of("main:renamed.py") == 3
    assert kernel_of("main:models/renamed.py") == 3
    assert kernel_of("main:./renamed.py") == 3
    assert kernel_of("HEAD:renamed.py") == 5


def test_the_merge_base_is_where_the_branch_left(repo: Path) -> None:
    fork = git(repo, "rev-parse", "main")
    git(repo, "stash", "-q")
    git(repo, "checkout", "-q", "main")
    (repo / "models/parts.py").write_text(PARTS.replace("KERNEL", "9"))
    git(repo, "commit", "-q", "-am", "main goes on")
    git(repo, "checkout", "-q", "feature")
    for text in ("models/renamed.py:Net", "models.renamed:Net"):
        target = at_merge_base(text, "main")
        assert fork.startswith(target.partition(":")[0])
        assert target.endswith(":models/renamed.py:Net")
    assert kernel_of(target) == 3


@pytest.mark.parametrize(
    ("target", "message", "help"),
    [
        ("nope:models/net.py", "there is no revision 'nope'", "git branch -a"),
        ("man:models/net.py", "there is no revision 'man'", "did you mean 'main'?"),
        ("main:models/net.py", "main has no file models/net.py", "models/renamed.py"),
        ("v1:net.py", "v1 has no file net.py", "did you mean 'models/net.py'?"),
        ("v1:models/net.py:Nte", "v1:models/net.py:Nte has no 'Nte'", "did you mean 'Net'?"),
    ],
)
def test_what_is_not_there(repo: Path, target: str, message: str, help: str) -> None:
    with pytest.raises(StitchError) as found:
        inspect(target)
    assert message in found.value.message
    assert help in found.value.help


def test_outside_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StitchError, match="is in no git repository"):
        inspect("main:net.py")


def test_a_broken_file_is_named_as_the_user_did(repo: Path) -> None:
    (repo / "models/broken.py").write_text("def (:\n")
    (repo / "models/raises.py").write_text("raise ValueError('no')\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "broken")
    with pytest.raises(StitchError, match=r"^HEAD:models/broken.py:1: "):
        inspect("HEAD:models/broken.py")
    with pytest.raises(StitchError) as found:
        inspect("HEAD:models/raises.py")
    assert "HEAD:models/raises.py:1" in found.value.details
    assert "/tmp" not in found.value.details


def test_a_package_with_relative_imports_and_data(repo: Path) -> None:
    package = repo / "src/mypkg"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "settings.json").write_text(json.dumps({"kernel": 1}))
    (package / "net.py").write_text(
        "import json\nfrom pathlib import Path\nfrom . import more\n"
        "KERNEL = json.loads((Path(__file__).parent / 'settings.json').read_text())['kernel']\n"
        + NET.replace("from parts import block", "block = lambda cin: more.make(cin, KERNEL)")
    )
    (package / "more.py").write_text(
        "from torch import nn\ndef make(cin, k): return nn.Conv2d(cin, 8, k)\n"
    )
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "package")
    (package / "settings.json").write_text(json.dumps({"kernel": 11}))
    assert kernel_of("HEAD:src/mypkg/net.py") == 1
    assert kernel_of("src/mypkg/net.py") == 11
    assert at_merge_base("mypkg.net:Net", "HEAD").endswith(":src/mypkg/net.py:Net")


def test_findings_are_at_the_revision(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = repo / "models/renamed.py"
    file.write_text(NET.replace("nn.Conv2d(8, 2, 1)", "nn.Conv2d(9, 2, 1)"))
    git(repo, "commit", "-q", "-am", "faulty")
    file.write_text("")
    report = inspect("HEAD:models/renamed.py", device="meta", input="1x3x16x16")
    (fault,) = report.diagnostics
    assert fault.primary is not None
    assert fault.primary.site.file == "HEAD:models/renamed.py"
    assert all(fix.patch is None for fix in fault.fixes)
