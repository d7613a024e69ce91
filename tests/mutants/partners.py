"""Which places are direct partners of a layer, by the provenance in the sound network's trace.

For a width: the layers that made its input or take its output, through norms, activations and
other operations that hand widths on, and through one join at most, with the operands of that join.
For a size, which convolutions hand on too: everything up to the first join, and the branches of
that.
"""

from __future__ import annotations

from math import prod

from stitchcli.records import Call, Diagnostic, Trace

_JOINS = frozenset(
    """add sub mul div cat stack matmul bmm mm baddbmm einsum scaled_dot_product_attention where
    addcmul lerp minimum maximum""".split()
)
_WIDTHS = ("out_channels", "out_features", "embedding_dim", "embed_dim")


def place(call: Call) -> str:
    """A module by its path, a functional call as ``path/op``."""
    return call.path if call.is_module else f"{call.path}/{call.op}"


def place_of(trace: Trace, diagnostic: Diagnostic) -> str:
    """Where a diagnostic is."""
    if diagnostic.call is None or diagnostic.call >= len(trace.calls):
        return diagnostic.path
    return place(trace.calls[diagnostic.call])


def partners(trace: Trace, path: str, *, size: bool) -> frozenset[str]:
    """The places that may rightly be named for a change of the layer at ``path``."""
    return frozenset(_Walk(trace, size).around(path))


class _Walk:
    def __init__(self, trace: Trace, size: bool) -> None:
        self._trace, self._size = trace, size
        self._takers: dict[int, list[Call]] = {}
        for call in trace.calls:
            if call.op is not None:  # not a container, whose inner calls do the work
                for producer in _made_by(call):
                    self._takers.setdefault(producer, []).append(call)

    def around(self, path: str) -> set[str]:
        inside = self._inside(path)
        found = {place(call) for call in inside}
        if self._size:
            self._onward({call.index for call in inside}, found)
            return found
        for call in inside:
            self._down(call, found, set())
            self._up(call, found, set(), joins=1)
        return found

    def _inside(self, path: str) -> list[Call]:
        """The calls in a module; of one that does nothing, those that made what it hands on."""
        below = f"{path}."
        inside = [
            call
            for call in self._trace.calls
            if call.op is not None and (call.path == path or call.path.startswith(below))
        ]
        handed = {out.producer for call in self._trace.module_calls[path] for out in call.outputs}
        return inside or [self._trace.calls[index] for index in handed if index is not None]

    def _onward(self, reached: set[int], found: set[str]) -> None:
        """All that a size reaches. It ends at a join with a map that it did not reach, but for a
        cat of tokens, to which any number will do."""
        for call in self._trace.calls:
            if call.op is None or not reached.intersection(_made_by(call)):
                continue
            found.add(place(call))
            maps = [ref for ref in call.inputs if prod(ref.shape[2:]) > 1 or len(ref.shape) == 3]
            others = [ref.producer for ref in maps if ref.producer is not None]
            if call.op in _JOINS and set(others) - reached:
                self._up(call, found, set(), joins=0)
                if call.op != "cat" or len(call.outputs[0].shape) != 3:
                    continue
            reached.add(call.index)

    def _down(self, call: Call, found: set[str], seen: set[int]) -> None:
        waiting = [call]
        while waiting:
            for taker in self._takers.get(waiting.pop().index, ()):
                if taker.index in seen:
                    continue
                seen.add(taker.index)
                found.add(place(taker))
                if taker.op in _JOINS and len(set(_made_by(taker))) > 1:
                    self._up(taker, found, set(), joins=0)
                    if taker.op != "cat":  # a sum would have refused another width itself
                        continue
                if not self._stops(taker):
                    waiting.append(taker)

    def _up(self, call: Call, found: set[str], seen: set[int], joins: int) -> None:
        waiting = [(call, joins)]
        while waiting:
            taker, left = waiting.pop()
            for index in _made_by(taker):
                maker = self._trace.calls[index]
                if index in seen:
                    continue
                seen.add(index)
                found.add(place(maker))
                is_join = maker.op in _JOINS and len(set(_made_by(maker))) > 1
                if not self._stops(maker) and (left or not is_join):
                    waiting.append((maker, left - is_join))

    def _stops(self, call: Call) -> bool:
        """Where a width no longer is handed on; a size goes on up to a join."""
        if self._size:
            return False
        layer = self._trace.layers.get(call.path)
        if layer is None or not layer.is_leaf:
            return False
        groups = layer.attributes.get("groups", 1)
        if groups != 1 and groups == layer.attributes.get("in_channels"):
            return groups != layer.attributes.get("out_channels")
        return any(name in layer.attributes for name in _WIDTHS)


def _made_by(call: Call) -> list[int]:
    return [ref.producer for ref in call.inputs if ref.producer is not None]
