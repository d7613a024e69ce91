"""The cases in which a comparison by names tells many differences, and there are few."""

from __future__ import annotations

from comparing.networks_compared import Encoder, UNet, compared, sequence, with_depthwise
from torch import nn

from stitchcli.formats.diff.groups import groups, rename_lines


def by_names(base: nn.Module, head: nn.Module) -> int:
    """How many leaves a comparison by names says are different."""
    one, other = (
        {name: repr(each) for name, each in module.named_modules() if not list(each.children())}
        for module in (base, head)
    )
    return sum(one.get(name) != other.get(name) for name in one.keys() | other.keys())


def test_a_dropout_in_a_sequential_is_one_change() -> None:
    base, head = sequence(), sequence(nn.Dropout(0.1))
    assert by_names(base, head) == 15
    found = compared(base, head, (1, 3, 4, 4))
    (change,) = found.changes
    assert (change.kind, change.part.path, change.part.kind) == ("added", "7", "Dropout")
    assert rename_lines(found.renames) == ["14 shifted by +1 (7 to 20)"]


def test_replaced_convolutions_are_ten_in_one_group() -> None:
    base, head = UNet(), with_depthwise(UNet())
    assert by_names(base, head) == 30
    found = compared(base, head)
    assert len(found.changes) == 10
    (group,) = groups(found.changes)
    assert group.title == "10× Conv2d 3×3 → Sequential(Conv2d, Conv2d)"
    assert not found.renames


def test_more_blocks_are_eight_changes() -> None:
    base, head = Encoder([2, 2, 2, 2]), Encoder([3, 4, 6, 3])
    assert by_names(base, head) == 32
    found = compared(base, head)
    assert [each.kind for each in found.changes] == ["added"] * 8
    assert all(each.part.kind == "Block" for each in found.changes)
    assert not found.renames and not found.checkpoint.of("missing")


def test_renamed_stages_are_no_change_but_one_of_the_state_dict() -> None:
    base, head = Encoder([2, 2, 2, 2]), Encoder([2, 2, 2, 2], "stage")
    assert by_names(base, head) > 0
    found = compared(base, head)
    assert not found.changes
    assert [(each.base, each.head) for each in found.renames] == [
        (f"layer{n}", f"stage{n}") for n in (1, 2, 3, 4)
    ]
    assert not found.checkpoint.of("missing") and not found.checkpoint.new


def test_a_network_and_itself() -> None:
    found = compared(UNet(), UNet())
    assert not found.changes and not found.renames
    assert len(found.checkpoint.of("as_is")) == len(found.checkpoint.tensors)
