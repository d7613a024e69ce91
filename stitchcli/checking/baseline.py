"""The baseline file: what each model measured when somebody last accepted it.

Sorted JSON, schema ``stitch.baseline/1``, a block a model, exact integers.
"""

from __future__ import annotations

import getpass
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from stitchcli.errors import StitchError
from stitchcli.records import Against, Facts, Measured, ModelCheck, Own
from stitchcli.whole_files import write_whole

SCHEMA = "stitch.baseline/1"
LABEL = "baseline"
ACCEPT = "stitch baseline accept measures it anew"
Blocks = dict[str, dict[str, Any]]


class _Context(msgspec.Struct):
    torch: str
    inputs: tuple[str, ...]
    mode: str


class _Block(msgspec.Struct):
    context: _Context
    values: dict[str, Annotated[int, msgspec.Meta(ge=0)]]
    outputs: tuple[str, ...] = ()
    modules: dict[str, Own] = {}
    state: dict[str, str] = {}


class _File(msgspec.Struct):
    schema: Literal["stitch.baseline/1"]
    models: dict[str, _Block]


def read_blocks(file: Path) -> Blocks:
    """The blocks of a baseline file by model, none where there is no file. Raises StitchError."""
    text = ""
    try:
        text = file.read_text(encoding="utf-8")
        whole = json.loads(text)
        found = msgspec.convert(whole, _File)
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError as error:
        conflict = " (a merge conflict?)" if "<<<<<<<" in text else ""
        raise StitchError(
            f"{file}:{error.lineno}: this is no JSON{conflict}", "mend the file, or restore it"
        ) from error
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        raise StitchError(f"{file} is no {SCHEMA}: {error}", "mend it, or restore it") from error
    except OSError as error:
        raise StitchError(f"cannot read {file}: {error.strerror}", "mend the file") from error
    for name, block in found.models.items():
        _check(name, block, file)
    models: Blocks = whole["models"]
    return models


def _check(name: str, block: _Block, file: Path) -> None:
    """What was edited by hand, or merged badly, is no measurement. Raises StitchError."""
    for metric in ("params", "macs") if block.modules else ():
        inside = sum(getattr(own, metric) for own in block.modules.values())
        if block.values.get(metric, inside) != inside:
            raise StitchError(
                f"{file}: {name}: {metric} is {block.values[metric]:,}, and its modules have "
                f"{inside:,}",
                ACCEPT,
            )


def block_of(facts: Facts) -> dict[str, Any]:
    """What is kept of a model."""
    return {
        "context": {"torch": facts.torch, "inputs": list(facts.inputs), "mode": facts.mode},
        "values": dict(facts.measured.values),
        "outputs": list(facts.outputs),
        "modules": {
            path: {name: count for name, count in vars(own).items() if count}
            for path, own in facts.modules.items()
        },
        "state": dict(facts.state),
    }


def change_blocks(file: Path, change: Callable[[Blocks], Blocks]) -> tuple[Blocks, Blocks]:
    """Read the file, change its blocks and write it whole, so that two at once both take effect;
    the blocks before and after. A file that would stay as it is, is not written. Raises
    StitchError."""
    with _lock(file):
        before = read_blocks(file)
        after = change(dict(before))
        if after != before:
            text = _dump({"models": after, "schema": SCHEMA}) + "\n"
            write_whole(file, text, "set baseline to the path of a file that can be written")
    return before, after


@contextmanager
def _lock(file: Path) -> Iterator[None]:
    """Nobody else changes the file meanwhile. Nothing is left beside it."""
    from filelock import FileLock, Timeout

    name = sha256(f"{getpass.getuser()} {file.resolve()}".encode()).hexdigest()[:16]
    place = Path(tempfile.gettempdir()) / f"stitch-{name}.lock"
    lock = FileLock(place, timeout=60)
    try:
        lock.acquire()
    except Timeout as error:
        raise StitchError(
            f"another stitch has been changing {file} for a minute", "wait for it, or stop it"
        ) from error
    except OSError as error:
        raise StitchError(f"cannot lock {place}: {error.strerror}", "set TMPDIR") from error
    try:
        yield
    finally:
        lock.release()


def against_baseline(file: Path, blocks: Blocks, model: ModelCheck, head: Facts | None) -> Against:
    """A model's block as what it is compared with."""
    if model.name not in blocks:
        what = f"has no {model.name}" if file.exists() else "is not there"
        return Against(LABEL, None, f"{file.name} {what}", ACCEPT, is_required=True)
    block = msgspec.convert(blocks[model.name], _Block)
    missing = {
        metric: f"{file.name} has no {metric}; {ACCEPT}"
        for metric in model.selectors
        if metric not in block.values
    }
    facts = Facts(
        Measured(block.values, missing),
        block.context.inputs,
        block.outputs,
        block.context.mode,
        block.context.torch,
        modules=block.modules,
        state=block.state,
    )
    if head is None:
        return Against(LABEL, facts)
    return Against(
        LABEL,
        _comparable(facts, head, file),
        lost=tuple(_lost(facts.state, head.state)),
        warnings=tuple(_other_versions(facts, head, file)),
    )


def _comparable(facts: Facts, head: Facts, file: Path) -> Facts:
    """The same, without what another input or mode would change."""
    contexts = [("input", facts.inputs, head.inputs), ("mode", (facts.mode,), (head.mode,))]
    for name, was, now in contexts:
        if was != now:
            why = f"{file.name} has it for {name} {' '.join(was)}, not {' '.join(now)}; {ACCEPT}"
            return facts.without_forward(why)
    return facts


def _other_versions(facts: Facts, head: Facts, file: Path) -> Iterator[str]:
    if facts.torch.partition("+")[0] != head.torch.partition("+")[0]:
        yield f"{file.name} was measured with torch {facts.torch}, and this is {head.torch}"


def _lost(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Keys that a strict load would refuse."""
    yield from (key for key, shape in before.items() if after.get(key) != shape)
    yield from (key for key in after if key not in before)


def _dump(value: Any, indent: str = "") -> str:
    """JSON with sorted keys, where what a module costs stands on one line."""
    if not isinstance(value, dict) or _is_cost(value):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    inner = f"{indent}  "
    lines = [
        f"{inner}{json.dumps(key, ensure_ascii=False)}: {_dump(value[key], inner)}"
        for key in sorted(value)
    ]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}" if lines else "{}"


def _is_cost(value: dict[str, Any]) -> bool:
    return bool(value) and set(value) <= set(Own.__dataclass_fields__)
