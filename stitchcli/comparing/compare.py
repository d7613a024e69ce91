"""Two traces → changes, renames, and what becomes of base's tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stitchcli.comparing.align import Alignment, align
from stitchcli.comparing.edited import as_meant
from stitchcli.comparing.settings import Values, differing
from stitchcli.comparing.steps import step_changes
from stitchcli.comparing.tensors import checkpoint_of
from stitchcli.comparing.tree import Node, Numbers, tree_of
from stitchcli.comparing.wiring import rewired
from stitchcli.errors import StitchError
from stitchcli.records import Checkpoint, Difference, Part, Renamed, Trace
from stitchcli.words.near import did_you_mean


@dataclass(frozen=True)
class Comparison:
    """What two networks have not in common."""

    changes: tuple[Difference, ...]
    renames: tuple[Renamed, ...]
    checkpoint: Checkpoint


def compare(base: Trace, head: Trace, moved: Mapping[str, str] | None = None) -> Comparison:
    """Align two networks. The changes' parameters and MACs add up to the difference of the
    totals; ``moved`` says which path of base is which path of the other in any case.

    Raises StitchError for a path that is not there.
    """
    for path, trace, side in _told(moved or {}, base, head):
        if path not in trace.layers:
            raise StitchError(
                f"--moved: {side} has no module {path!r}",
                did_you_mean(path, trace.layers) or "give a path that stitch inspect shows",
            )
    numbers = Numbers()
    one, other = tree_of(base, numbers), tree_of(head, numbers)
    found = align(one, other, moved or {})
    return Comparison(
        tuple(_changes(found, base, head, one, other, numbers)),
        tuple(_renames(found, one)),
        checkpoint_of(found, base, head),
    )


def _told(moved: Mapping[str, str], base: Trace, head: Trace) -> Iterator[tuple[str, Trace, str]]:
    for one, other in moved.items():
        yield one, base, "the base network"
        yield other, head, "the modified network"


def _changes(
    found: Alignment, base: Trace, head: Trace, one: Node, other: Node, numbers: Numbers
) -> Iterator[Difference]:
    """In the order of the modified network; what was removed stands where it stood."""
    order = {node: index for index, node in enumerate(other.walk())}
    placed: list[tuple[float, Difference]] = []
    where = -1.0
    for node in one.walk():
        instead, partner = found.replaced.get(node), found.head_of.get(node)
        if instead is not None:
            where = order[instead]
            before, after = _rest(found, node), _rest(found, instead)
            placed.append((where, Difference("replaced", before, after)))
        elif partner is not None:
            where = order[partner]
        elif node.parent is None or node.parent in found.head_of:
            placed.append((where + 0.5, Difference("removed", _rest(found, node), None)))
    taken = set(found.replaced.values())
    for node in other.walk():
        if node not in found.base_of and node not in taken and _is_top(found, node):
            placed.append((order[node], Difference("added", None, _rest(found, node))))
    elsewhere = dict(found.moved)
    # what was replaced may hand its input on, so that its surroundings look connected otherwise
    paths = {a.path: b.path for a, b in found.head_of.items() if a not in found.replaced}
    for node, partner in found.head_of.items():
        wiring = rewired(
            node, partner, (base, head), lambda path: paths.get(path, f"-{path}"), numbers.of
        )
        changes = _of_pair(node, partner, node in elsewhere, (base, head), wiring)
        placed += [(order[partner], change) for change in changes]
    yield from as_meant([change for _, change in sorted(placed, key=lambda each: each[0])])


def _is_top(found: Alignment, node: Node) -> bool:
    return node.parent is None or node.parent in found.base_of


def _rest(found: Alignment, node: Node) -> Part:
    """A subtree as a side of a change, with the cost of all in it that is paired with nothing; what
    is in a pair is told there."""
    free: list[Node] = []
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if each not in found.head_of and each not in found.base_of:
            free.append(each)
            waiting += each.children
    return node.part(sum(each.own_params for each in free), sum(each.own_macs for each in free))


def _of_pair(
    node: Node, partner: Node, is_moved: bool, traces: tuple[Trace, Trace], wiring: Values
) -> Iterator[Difference]:
    """What differs in a module itself, its children left out."""
    values = (*differing(node, partner), *wiring)
    steps, left, right = step_changes(node, partner, *traces)
    yield from steps
    left, right = left + node.run_macs, right + partner.run_macs
    if values or is_moved:
        before, after = node.part(node.own_params, left), partner.part(partner.own_params, right)
        yield Difference("moved" if is_moved else "changed", before, after, values)
    elif left != right or _runs_otherwise(node, partner):
        yield Difference("reshaped", node.part(0, left), partner.part(0, right))


def _runs_otherwise(node: Node, partner: Node) -> bool:
    """Whether the forward around a module runs it more or less often than before."""
    outer = node.parent is None or partner.parent is None
    if outer or len(node.runs) == len(partner.runs):
        return False
    return not _in_a_rerun(node, partner)


def _in_a_rerun(node: Node, partner: Node) -> bool:
    """Whether what is around a module runs more or less often itself."""
    one, other = node.parent, partner.parent
    while one is not None and other is not None:
        if len(one.runs) != len(other.runs):
            return True
        one, other = one.parent, other.parent
    return False


def _renames(found: Alignment, base: Node) -> Iterator[Renamed]:
    """Modules that are called otherwise beside the same module, the outermost of each."""
    elsewhere = dict(found.moved)
    for node in base.walk():
        partner = found.head_of.get(node)
        if partner is None or node in elsewhere or node.name == partner.name:
            continue
        tops = node.parent is None or partner.parent is None
        if tops or found.head_of.get(node.parent) is partner.parent:  # type: ignore[arg-type]
            tensors = sum(len(each.weights) for each in node.walk())
            yield Renamed(node.path, partner.path, partner.kind, node.size, tensors)
