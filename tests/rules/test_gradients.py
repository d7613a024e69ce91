"""``--backward``: what is given no gradient, why, and what is no fault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from stitchcli import inspect
from stitchcli.records import Diagnostic, Report
from stitchcli.words.edits import print_edit

NETS = """
import torch
from torch import nn

class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8))
        self.head = nn.Conv2d(8, 2, 1)

class Detached(Base):
    def forward(self, x):
        return self.head(self.encoder(x).detach())

class Data(Base):
    def forward(self, x):
        return self.head(self.encoder(x).data)

class NoGrad(Base):
    def forward(self, x):
        with torch.no_grad():
            x = self.encoder(x)
        return self.head(x)

class Argmax(Base):
    def forward(self, x):
        return self.head(x.new_zeros(1, 8, 8, 8) + self.encoder(x).argmax(1, keepdim=True))

class Unused(Base):
    def forward(self, x):
        self.encoder(x)
        return self.head(x.repeat(1, 3, 1, 1)[:, :8])

class Unread(Base):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
    def forward(self, x):
        return self.head(self.encoder(x))

class Frozen(Base):
    def forward(self, x):
        self.encoder.requires_grad_(False)
        return self.head(self.encoder(x))

class NeverRan(Base):
    def forward(self, x):
        return self.head(x.repeat(1, 3, 1, 1)[:, :8])

class InPlace(Base):
    def __init__(self):
        super().__init__()
        self.gate, self.act = nn.Sigmoid(), nn.ReLU(inplace=True)
    def forward(self, x):
        return self.head(self.act(self.gate(self.encoder(x))))

class Indexed(Base):
    def forward(self, x):
        x = self.encoder(x).sigmoid()
        x[:, 0] = 0
        return self.head(x)

class Looks(Base):
    def forward(self, x):
        x = self.encoder(x)
        return self.head(x * 2 if x.mean().item() > 0 else x)
"""
WHY = {
    "Detached": ("encoder", "detach lets no gradient through"),
    "Data": ("encoder", "no output depends on it: unused, or taken out with .data or .item()"),
    "NoGrad": (
        "encoder", "its output reaches the network's, but outside of autograd: torch.no_grad?"),
    "Argmax": ("encoder", "argmax lets no gradient through"),
    "Unused": ("encoder", "no output depends on it: unused, or taken out with .data or .item()"),
    "Unread": ("", "no operation reads it"),
}  # fmt: skip


def look(file: Path, name: str, *edits: str, device: str = "meta", **more: object) -> Report:
    target = f"{file}:{name}"
    return inspect(target, edits, input="1x3x8x8", device=device, backward=True, **more)  # type: ignore[arg-type]


def found(report: Report) -> list[Diagnostic]:
    return [each for each in report.diagnostics if each.code == "ST205"]


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("name", WHY)
def test_what_gets_none_and_why(write: Callable[[str, str], Path], name: str, device: str) -> None:
    path, why = WHY[name]
    report = look(write(NETS, "nets.py"), name, device=device)
    (diagnostic,) = found(report)
    assert (diagnostic.path, diagnostic.notes[0]) == (path, why)
    count = 3 * 8 * 9 + 8 + 8 + 8 if path else 1
    assert diagnostic.title.endswith(f"gets no gradient: {count} parameters that do not learn")
    assert diagnostic.severity == "warning" and not report.has_errors


@pytest.mark.parametrize("name", ["Frozen", "NeverRan"])
def test_frozen_and_never_run_are_none_of_its_business(
    write: Callable[[str, str], Path], name: str
) -> None:
    assert not found(look(write(NETS, "nets.py"), name))


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_change_in_place_is_the_finding(write: Callable[[str, str], Path], device: str) -> None:
    file = write(NETS, "nets.py")
    (diagnostic,) = found(report := look(file, "InPlace", device=device))
    assert diagnostic.severity == "error" and report.has_errors
    assert diagnostic.title == "the backward pass fails: what sigmoid needs is changed in place"
    (fix,) = diagnostic.fixes
    assert [print_edit(edit) for edit in fix.edits] == ["--set name:act.inplace=false"]
    assert not look(file, "InPlace", "--set name:act.inplace=false", device=device).diagnostics


def test_the_line_is_named_where_nothing_can_be_set(write: Callable[[str, str], Path]) -> None:
    file = write(NETS, "nets.py")
    (diagnostic,) = found(look(file, "Indexed"))
    assert not diagnostic.fixes and diagnostic.primary is not None
    line = file.read_text().splitlines()[diagnostic.primary.site.line - 1]
    assert "self.encoder(x).sigmoid()" in line


def test_what_needs_numbers_is_run_on_cpu_and_said(write: Callable[[str, str], Path]) -> None:
    report = look(write(NETS, "nets.py"), "Looks")
    assert not report.diagnostics and any("on meta" in note for note in report.notes)


def test_without_the_flag_nothing_is_said(write: Callable[[str, str], Path]) -> None:
    report = inspect(f"{write(NETS, 'nets.py')}:Detached", input="1x3x8x8", device="meta")
    assert not report.diagnostics and report.result.backward is None


@pytest.mark.parametrize("name", ["unet", "unet-transposed", "resnet18", "vit", "csp"])
def test_a_sound_network_learns_everywhere(name: str) -> None:
    assert not inspect(name, device="meta", backward=True).diagnostics


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_networks_of_others_learn_everywhere(mode: str) -> None:
    nets = pytest.importorskip("monai.networks.nets")
    unet = nets.UNet(spatial_dims=2, in_channels=1, out_channels=2, channels=(4, 8, 16),
                     strides=(2, 2), num_res_units=2)  # fmt: skip
    before = {key: value.clone() for key, value in unet.state_dict().items()}
    report = inspect(unet, input="2x1x32x32", backward=True, mode=mode)  # type: ignore[arg-type]
    assert not report.diagnostics and all(p.grad is None for p in unet.parameters())
    assert all(torch.equal(value, before[key]) for key, value in unet.state_dict().items())
    torchvision = pytest.importorskip("torchvision")
    report = inspect(torchvision.models.resnet18(), input="2x3x64x64", backward=True, device="cpu")
    assert not report.diagnostics
