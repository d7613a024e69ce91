"""A trace as a tree of modules, in which equal subtrees bear the same number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from stitchcli.records import Call, Layer, Part, Trace, Weight

#: An op, and how many activations it takes.
Sign = tuple[str | None, int]
#: Calls that only look at the same numbers otherwise: written in many ways that mean the same.
LAYOUT = frozenset(
    """
    view reshape flatten unflatten ravel permute transpose movedim moveaxis swapaxes t squeeze
    unsqueeze contiguous clone detach expand expand_as view_as reshape_as to type float half
    getitem chunk split unbind tensor_split narrow select size numel dim empty_like zeros_like
    """.split()
)


class Numbers:
    """Gives equal things equal numbers. Both trees of a comparison share one."""

    def __init__(self) -> None:
        self._known: dict[object, int] = {}

    def of(self, thing: object) -> int:
        """The number of a hashable thing."""
        return self._known.setdefault(thing, len(self._known))


@dataclass(eq=False)
class Node:
    """One module. ``look`` is the number of all that it holds but for names, ``kin`` that of what
    stands in it itself; ``own_params`` and ``own_macs`` leave its children out."""

    path: str
    name: str
    layer: Layer
    parent: Node | None
    children: list[Node] = field(default_factory=list)
    weights: list[Weight] = field(default_factory=list)
    ties: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    runs: list[Call] = field(default_factory=list)
    kin: int = 0
    look: int = 0

    @property
    def kind(self) -> str:
        """The class's name."""
        return self.layer.kind

    @cached_property
    def own_params(self) -> int:
        """Elements of the parameters that the module holds itself."""
        return sum(weight.count for weight in self.weights if not weight.is_buffer)

    @property
    def run_macs(self) -> int:
        """Multiply-accumulates of the module's own calls, but for functional ones."""
        return sum(call.macs for call in self.runs)

    @property
    def own_macs(self) -> int:
        """Multiply-accumulates of the module, functional calls in its forward included."""
        return self.run_macs + sum(call.macs for call in self.calls)

    @cached_property
    def params(self) -> int:
        """Elements of all parameters in it."""
        return self.own_params + sum(child.params for child in self.children)

    @cached_property
    def size(self) -> int:
        """How many modules it is."""
        return 1 + sum(child.size for child in self.children)

    @cached_property
    def contents(self) -> tuple[Counter[int], Counter[str]]:
        """What stands in it and below: exactly, and by class."""
        exact, kinds = Counter({self.kin: 1}), Counter({self.kind: 1})
        for child in self.children:
            exact.update(child.contents[0])
            kinds.update(child.contents[1])
        return exact, kinds

    @property
    def steps(self) -> list[Call]:
        """The functional calls in its forward that do something to numbers."""
        return [call for call in self.calls if call.op not in LAYOUT]

    def walk(self) -> Iterator[Node]:
        """The node and all below it, as they stand."""
        waiting: list[Node] = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def part(self, params: int, macs: int) -> Part:
        """The module as a side of a change."""
        first = self.runs[0] if self.runs else None
        return Part(
            path=self.path,
            kind=self.kind,
            config=self.layer.attributes,
            inputs=tuple(ref.shape for ref in first.inputs) if first else (),
            outputs=tuple(ref.shape for ref in first.outputs) if first else (),
            params=params,
            macs=macs,
            block=self.layer.block,
            inside=tuple(child.kind for child in self.children),
            runs=len(self.runs),
        )


def tree_of(trace: Trace, numbers: Numbers) -> Node:
    """The root of a trace's modules."""
    nodes: dict[str, Node] = {}
    for path, layer in trace.layers.items():
        outer, _, name = path.rpartition(".")
        node = Node(path, name, layer, nodes[outer] if path else None)
        nodes[path] = node
        if node.parent is not None:
            node.parent.children.append(node)
    for weight in trace.weights:
        nodes[weight.path.rpartition(".")[0]].weights.append(weight)
        for alias in weight.aliases:
            owner, _, name = alias.rpartition(".")
            if owner in nodes:  # else the whole module stands under a second path
                nodes[owner].ties.append(name)
    for call in trace.calls:
        node = nodes[call.path]
        (node.runs if call.is_module else node.calls).append(call)
    _number(list(nodes.values()), numbers)
    return nodes[""]


def _number(nodes: list[Node], numbers: Numbers) -> None:
    """Number every node; children come behind their parents in ``nodes``."""
    for node in reversed(nodes):
        node.kin = numbers.of(
            (
                node.kind,
                config_of(node),
                tuple(weight_sign(node, weight) for weight in node.weights),
                tuple(node.ties),
                tuple(step_sign(call) for call in node.steps),
            )
        )
        node.look = numbers.of((node.kin, tuple(child.look for child in node.children)))


def config_of(node: Node) -> tuple[tuple[str, str], ...]:
    """A module's settings as something that can be compared: nan is nan, and True is not 1."""
    return tuple((name, repr(value)) for name, value in node.layer.attributes.items())


def weight_sign(node: Node, weight: Weight) -> tuple[object, ...]:
    """What must agree for two weights to be the same."""
    name = weight.path[len(node.path) + 1 :] if node.path else weight.path
    return name, weight.shape, weight.dtype, weight.trainable, weight.is_buffer


def step_sign(call: Call) -> Sign:
    """What must agree for two functional calls to be the same: the op, and how many activations
    it takes."""
    return call.op, sum(ref.is_activation for ref in call.inputs)
