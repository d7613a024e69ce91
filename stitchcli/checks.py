"""What is tried on an edited network beyond one forward: does it train, are its keys kept?

The checks on meta need no numbers and cost little, so they always run. ``verify`` adds those that
need them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from stitchcli.errors import StitchError
from stitchcli.gradients import reached
from stitchcli.records import (
    Applied,
    Built,
    Check,
    Edit,
    Remove,
    Replace,
    Set,
    TensorSpec,
    Trace,
)
from stitchcli.surgery.copies import full_copy, meta_copy
from stitchcli.surgery.fit import watched_lightly
from stitchcli.surgery.insert import on_first
from stitchcli.surgery.select import is_inside
from stitchcli.tracing.containers import tensors_in
from stitchcli.tracing.trace import device_cannot, dummy_inputs
from stitchcli.workbench import Workbench

_BATCH = 2
_NEAR = 1e-4


class Checks:
    """The checks of one edited network."""

    def __init__(self, bench: Workbench, edits: Sequence[Edit], base: Trace, result: Trace) -> None:
        self.bench = bench
        self.edits = edits
        self.base = base
        self.result = result

    def on_meta(self) -> tuple[Check, ...]:
        """Forward in train mode at batch 2, gradients, keys, a second input size."""
        if self.bench.device != "meta":
            module, applied = self._edited(full_copy)
            return self._keys(module, applied), _skipped("training", "it needs numbers: --verify")
        try:
            module, applied = self._edited(meta_copy)
        except StitchError as error:
            return (_skipped("training", error.message),)
        checks = [*self._training(module, applied, "meta"), self._keys(module, applied)]
        return (*checks, *self._second_size(module))

    def with_numbers(self, module: nn.Module, applied: Sequence[Applied]) -> tuple[Check, ...]:
        """Nothing is non-finite, every new block changes the output, and blocks that promise it
        are the identity when they are new; ``module`` is the edited network with its weights."""
        device = self.bench.network.device
        module = full_copy(module)
        trained = () if self.bench.device == "meta" else self._training(module, applied, device)
        return (*trained, *_numbers(self, module, _built(applied, self.result), device))

    def _edited(
        self, copy: Callable[[nn.Module], nn.Module]
    ) -> tuple[nn.Module, tuple[Applied, ...]]:
        module = copy(self.bench.network.module)
        return module, self.bench.edit(module, self.edits, self.base)

    def _training(
        self, module: nn.Module, applied: Sequence[Applied], device: str
    ) -> Iterator[Check]:
        """A forward and a backward as in training."""
        name = f"trains at batch {_BATCH}"
        try:
            missed = self._unreached(module, _built(applied, self.result), device)
        except Exception as error:
            if device == "meta" and device_cannot(error.__cause__ or error):
                yield _skipped(name, f"it needs numbers: {_said(error)}")
            elif self._ran_before(lambda base: self._unreached(base, (), device) is not None):
                yield Check(name, "fail", _said(error))
            else:
                yield _skipped(name, f"nor does it before the edits: {_said(error)}")
            return
        if missed is None:
            yield _skipped(name, "no output depends on a parameter that learns")
            return
        yield Check(name, "pass")
        if not any(item.built for item in applied):
            return
        if missed:
            more = f" and {len(missed) - 3} more" if len(missed) > 3 else ""
            yield Check("gradients", "warn", f"none reach {', '.join(missed[:3])}{more}")
        else:
            yield Check("gradients reach every new parameter", "pass")

    def _unreached(
        self, module: nn.Module, built: Sequence[Built], device: str
    ) -> list[str] | None:
        """Names of the new parameters that a backward pass gives no gradient; None where no output
        depends on any parameter."""
        named = {
            f"{each.path}.{name}": parameter
            for each in built
            for name, parameter in module.get_submodule(each.path).named_parameters()
            if parameter.requires_grad
        }
        module.train()
        with self.bench.guard("training"):
            ids = reached(module, _at_batch(self.base.inputs), device)
        if ids is None:
            return None
        return [name for name, parameter in named.items() if id(parameter) not in ids]

    def _keys(self, module: nn.Module, applied: Sequence[Applied]) -> Check:
        """The state dict of the base, but for what was replaced, rebuilt or removed."""
        before, after = _shapes(self.bench.network.module), _shapes(module)
        matched = [
            path
            for item in applied
            if isinstance(item.edit, Replace | Set | Remove)
            for path in item.matched
        ]
        layers = self.base.layers
        gone = [*matched, *(a for path in matched if path in layers for a in layers[path].aliases)]
        lost = [
            key
            for key, shape in before.items()
            if after.get(key) != shape and not any(is_inside(key, path) for path in gone)
        ]
        if lost:
            return Check("state-dict keys kept", "fail", f"{', '.join(lost[:3])} changed")
        return Check("state-dict keys kept", "pass")

    def _second_size(self, module: nn.Module) -> Iterator[Check]:
        """Another height and width, where the network before the edits takes it."""
        first = self.base.inputs[0].shape if self.base.inputs else ()
        if len(first) < 4:
            return
        sizes = tuple(size + 32 * (i + 1) for i, size in enumerate(first[2:]))
        specs = tuple(
            replace(spec, shape=(*spec.shape[:2], *sizes)) if spec.shape[2:] == first[2:] else spec
            for spec in self.base.inputs
        )
        name = f"runs at {'x'.join(map(str, sizes))}"
        try:
            self._forward(module, specs)
        except Exception as error:
            if self._ran_before(lambda base: self._forward(base, specs)):
                yield Check(name, "warn", _said(error))
            return
        yield Check(name, "pass")

    def _forward(self, module: nn.Module, specs: Sequence[TensorSpec]) -> bool:
        with torch.no_grad(), watched_lightly("meta"), self.bench.guard("running"):
            args, kwargs = dummy_inputs(specs, "meta")
            module.eval()(*args, **kwargs)
        return True

    def _ran_before(self, run: Callable[[nn.Module], bool]) -> bool:
        """Whether the network without the edits passes."""
        try:
            return run(meta_copy(self.bench.network.module))
        except Exception:
            return False


def _shapes(module: nn.Module) -> dict[str, Any]:
    """The state dict's keys and shapes; what a module keeps besides tensors has none."""
    state = module.state_dict()
    return {key: tuple(getattr(value, "shape", ())) for key, value in state.items()}


def _numbers(
    checks: Checks, module: nn.Module, built: Sequence[Built], device: str
) -> Iterator[Check]:
    args, kwargs = dummy_inputs(_at_batch(checks.base.inputs), device)
    seen: dict[str, tuple[Tensor, Tensor]] = {}
    hooks = [
        module.get_submodule(each.path).register_forward_hook(_noting(seen, each.path))
        for each in built
    ]
    try:
        with torch.no_grad(), checks.bench.guard("running with numbers"):
            outputs = tensors_in(module.eval()(*args, **kwargs))
    except StitchError as error:
        yield Check("numbers", "fail", error.message)
        return
    finally:
        for hook in hooks:
            hook.remove()
    bad = [each for each in outputs if each.is_floating_point() and not each.isfinite().all()]
    if bad:
        yield Check(
            "finite numbers", "fail", f"{len(bad)} of {len(outputs)} outputs are not finite"
        )
    else:
        yield Check("finite numbers", "pass")
    idle = [each.path for each in built if not _matters(module, each.path, args, kwargs, outputs)]
    if idle:
        yield Check("every new block changes the output", "warn", f"not {', '.join(idle[:3])}")
    elif built:
        yield Check("every new block changes the output", "pass")
    find = checks.bench.catalog.library.find
    promised = [e for e in built if (entry := find(e.block)) and entry.is_identity]
    far = [e.path for e in promised if e.path in seen and not _is_identity(*seen[e.path])]
    if promised:
        name = "identity at the start"
        yield Check(name, "fail", f"not {', '.join(far[:3])}") if far else Check(name, "pass")


def _matters(
    module: nn.Module, path: str, args: Any, kwargs: Any, before: Sequence[Tensor]
) -> bool:
    """Whether the output moves where a block's output does."""

    def shifted(each: nn.Module, given: Any, result: Any) -> Any:
        return on_first(lambda x: x + 1 + x.abs(), result)

    hook = module.get_submodule(path).register_forward_hook(shifted)
    try:
        with torch.no_grad():
            after = tensors_in(module.eval()(*args, **kwargs))
    finally:
        hook.remove()
    return any(not torch.equal(a, b) for a, b in zip(before, after, strict=False))


def _noting(seen: dict[str, tuple[Tensor, Tensor]], path: str) -> Callable[..., None]:
    def note(each: nn.Module, given: Any, result: Any) -> None:
        first = next(iter(tensors_in(given)), None)
        if first is not None and isinstance(result, Tensor):
            seen.setdefault(path, (first, result))

    return note


def _is_identity(x: Tensor, y: Tensor) -> bool:
    if x.shape != y.shape:
        return False
    return float((x - y).abs().max()) <= _NEAR * max(1.0, float(x.abs().max()))


def _built(applied: Sequence[Applied], result: Trace) -> tuple[Built, ...]:
    """The new blocks, but for those in what never runs."""
    return tuple(each for item in applied for each in item.built if each.path in result.called)


def _at_batch(specs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    return tuple(replace(spec, shape=(_BATCH, *spec.shape[1:])) for spec in specs)


def _said(error: BaseException) -> str:
    text = error.message if isinstance(error, StitchError) else str(error)
    return " ".join(text.split()) or type(error).__name__


def _skipped(name: str, why: str) -> Check:
    return Check(name, "skip", why)
