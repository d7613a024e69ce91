"""What holds of every comparison."""

from __future__ import annotations

import os

import pytest
import torch
from comparing.networks_compared import assert_adds_up, compared, traced
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from stitchcli import diff
from stitchcli.comparing import compare
from stitchcli.errors import StitchError
from stitchcli.records import Diff, Keep

EXAMPLES = int(os.environ.get("STITCH_EXAMPLES", "40"))
SETTINGS = settings(
    deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), print_blob=True
)
WIDTH = 4
LEAVES = st.sampled_from(
    [
        lambda: nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
        lambda: nn.Conv2d(WIDTH, WIDTH, 1, bias=False),
        lambda: nn.Conv2d(WIDTH, WIDTH, 3, 2, padding=1),
        lambda: nn.Conv2d(WIDTH, WIDTH, 5, padding=2, groups=2),
        lambda: nn.BatchNorm2d(WIDTH),
        nn.ReLU,
        nn.GELU,
        lambda: nn.Dropout(0.3),
        lambda: nn.ConvTranspose2d(WIDTH, WIDTH, 2, 2),
    ]
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4).map(
        lambda parts: lambda: nn.Sequential(*(part() for part in parts))
    ),
    max_leaves=14,
)
NETWORKS = st.lists(TREES, max_size=5).map(
    lambda parts: lambda: nn.Sequential(*(p() for p in parts))
)


@SETTINGS
@given(NETWORKS)
def test_a_network_and_itself_have_no_difference(make) -> None:  # type: ignore[no-untyped-def]
    found = compared(make(), make(), (1, WIDTH, 8, 8))
    assert not found.changes and not found.renames and not found.checkpoint.new
    assert len(found.checkpoint.of("as_is")) == len(found.checkpoint.tensors)


@SETTINGS
@given(NETWORKS, NETWORKS)
def test_changes_add_up_and_turn_round(one, other) -> None:  # type: ignore[no-untyped-def]
    base, head = traced(one(), (1, WIDTH, 8, 8)), traced(other(), (1, WIDTH, 8, 8))
    there, back = compare(base, head), compare(head, base)
    assert_adds_up(there, base, head)
    assert_adds_up(back, head, base)
    for name in ("delta_params", "delta_macs"):
        forth = sum(getattr(each, name) for each in there.changes)
        assert forth == -sum(getattr(each, name) for each in back.changes)


class Versioned(dict[str, torch.Tensor]):
    """A state dict with the version of its layers, without which a norm does not say that its
    num_batches_tracked is missing."""

    def __init__(self, tensors: dict[str, torch.Tensor], module: nn.Module) -> None:
        super().__init__(tensors)
        self._metadata = module.state_dict()._metadata

    def copy(self) -> Versioned:
        found = Versioned.__new__(Versioned)
        dict.__init__(found, self)
        found._metadata = self._metadata
        return found


@SETTINGS
@given(NETWORKS, NETWORKS)
def test_what_is_said_to_load_loads(one, other) -> None:  # type: ignore[no-untyped-def]
    """torch is the oracle: the renamed state dict loads, and what has another shape does not."""
    base, head = one(), other()
    state = {key: torch.randn(t.shape) for key, t in base.state_dict().items()}
    found = compare(traced(one(), (1, WIDTH, 8, 8)), traced(other(), (1, WIDTH, 8, 8))).checkpoint
    renamed = {
        new: state[old].to(base.state_dict()[old].dtype) for old, new in found.loading.items()
    }
    left = head.load_state_dict(Versioned(renamed, head), strict=False)
    assert not left.unexpected_keys
    assert set(left.missing_keys) == {*found.new, *(each.head for each in found.of("reshaped"))}
    for each in found.of("reshaped"):
        with pytest.raises(RuntimeError, match="size mismatch"):
            head.load_state_dict({each.head: state[each.key]}, strict=False)


@SETTINGS
@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=8), st.data())
def test_a_layer_put_in_or_taken_out_is_the_one_change(names, data) -> None:  # type: ignore[no-untyped-def]
    """Among distinct layers, any one more or less is found, wherever it stands."""
    kinds = {"a": nn.ReLU, "b": nn.Tanh, "c": nn.GELU, "d": nn.SiLU}
    at = data.draw(st.integers(0, len(names)))
    base = nn.Sequential(*(kinds[name]() for name in names))
    head = nn.Sequential(*(kinds[name]() for name in names))
    head.insert(at, nn.Softplus())
    (change,) = compared(base, head, (1, 3)).changes
    assert (change.kind, change.part.path) == ("added", str(at))
    (change,) = compared(head, base, (1, 3)).changes
    assert (change.kind, change.part.path) == ("removed", str(at))


PLACES = st.sampled_from(
    """
    inc.conv1 inc.act2 down1.conv.norm1 down2 down3.conv up1 up2.conv.conv2 up3.up outc down1.pool
    down4.conv.act1 up4.conv
    """.split()
)
EDITS = st.one_of(
    st.builds("--after {}=SiLU".format, PLACES),
    st.builds("--after {}=se".format, PLACES),
    st.builds("--before {}=Tanh".format, PLACES),
    st.builds(
        "--remove {}".format, st.sampled_from(["inc.act1", "down2.conv.norm2", "up1.conv.act1"])
    ),
    st.builds("--replace {}=dwconv".format, st.sampled_from(["inc.conv1", "up4.conv.conv1"])),
    st.builds("--replace {}=eff".format, st.sampled_from(["up1/cat", "up2/cat", "up4/cat"])),
    st.builds("--wrap '{}=residual(self)'".format, st.sampled_from(["inc.act1", "up1.conv.conv2"])),
    st.builds("--set {}.bias=false".format, st.sampled_from(["inc.conv2", "down3.conv.conv1"])),
)


def places(found: Diff) -> set[str]:
    edits = [item for item in found.head.applied if not isinstance(item.edit, Keep)]
    return {path for item in edits for path in item.matched}


def is_at(change_paths: list[str], place: str) -> bool:
    """Whether a change is of a place, or of what was put in it or beside it."""
    return any(path == place or path.startswith(f"{place}.") for path in change_paths)


@SETTINGS
@given(st.lists(EDITS, min_size=1, max_size=3, unique=True))
def test_edits_are_found_where_they_were_made_and_nowhere_else(flags: list[str]) -> None:
    try:
        found = diff("unet", "unet", flags, input="1x3x32x32", device="meta")
    except StitchError:
        return  # the edits exclude each other
    if found.head.has_errors:
        return
    edited = places(found)
    base, head = found.base.result, found.head.result
    assert sum(each.delta_params for each in found.changes) == head.params - base.params
    assert sum(each.delta_macs for each in found.changes) == head.macs - base.macs
    changed = [
        [part.path for part in (each.base, each.head) if part is not None]
        for each in found.changes
        if each.kind != "reshaped"
    ]
    for place in edited:
        assert any(is_at(paths, place) for paths in changed), place
    for paths in changed:
        assert any(is_at(paths, place) for place in edited), paths
    assert not found.renames
