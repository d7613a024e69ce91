"""``stitch init``: settings for networks that were measured, with room to grow."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import tomlkit
from tomlkit.items import Table

from stitchcli.checking.run import CheckRequest, measure_models
from stitchcli.config.found import OWN, Source, find_source
from stitchcli.config.project import Project
from stitchcli.config.settings import Settings, read_settings
from stitchcli.errors import StitchError
from stitchcli.records import Facts, Failure, ModelCheck, Target, TensorSpec
from stitchcli.whole_files import write_whole


@dataclass(frozen=True)
class Draft:
    """What was written, and where; ``failed`` are networks that could not be measured."""

    file: Path
    written: tuple[tuple[ModelCheck, Facts], ...]
    failed: tuple[tuple[str, Failure], ...]


def refuse_existing() -> Source | None:
    """The settings to add models to, if there are any. Raises StitchError where they have models
    already."""
    source = find_source()
    if source is not None and source.table.get("model"):
        raise StitchError(
            f"{source.shown} has models already, and they stay as they are",
            "add to it by hand, or take them out first",
        )
    return source


def draft(
    targets: Sequence[Target], inputs: tuple[TensorSpec, ...], request: CheckRequest
) -> Draft:
    """Measure networks and write their settings. Raises StitchError; nothing is written then."""
    source = refuse_existing()
    folder = source.file.parent if source else Path.cwd()
    settings = replace(read_settings(), blocks=()) if source else Settings()
    models = [
        ModelCheck(name, each, inputs)
        for name, each in zip(_names(targets), _seen_from(folder, targets), strict=True)
    ]
    project = Project(source or Source(folder / OWN, "", {}), settings, tuple(models))
    outcomes = measure_models(project, models, request)
    written, failed = [], []
    for target, model, outcome in zip(targets, models, outcomes, strict=True):
        if outcome.failure is not None or outcome.facts is None:
            failed.append((target.text, outcome.failure or Failure("it was not measured")))
        elif outcome.facts.faults:
            lines = "\n".join(f"  {each.line}" for each in outcome.facts.faults)
            failed.append((target.text, Failure("it has faults", "see stitch inspect", lines)))
        else:
            written.append((model, outcome.facts))
    if written:
        _write(project.source, written)
    return Draft(project.source.file, tuple(written), tuple(failed))


def _write(source: Source, found: Sequence[tuple[ModelCheck, Facts]]) -> None:
    tables = tomlkit.aot()
    for model, facts in found:
        tables.append(_table(model, facts))
    document = outer = tomlkit.document()
    for name in source.prefix:
        outer.append(name, tomlkit.table(is_super_table=True))
        outer = outer[name]
    outer.append("model", tables)
    added = tomlkit.dumps(document)
    now = refuse_existing()  # somebody may have written to it meanwhile
    source = now if now is not None and now.file == source.file else source
    text = f"{source.text.rstrip()}\n\n{added}" if source.text.strip() else added
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StitchError(
            f"models cannot be added to {source.shown}: {error}", "write [tool.stitch] as a table"
        ) from error
    write_whole(source.file, text, "run stitch init where you may write")


def _table(model: ModelCheck, facts: Facts) -> Table:
    """One model, with a tenth more than it has as the most that it may have."""
    table = tomlkit.table()
    table["name"] = model.name
    table["target"] = model.target.text
    if model.target.arguments:
        kwargs = tomlkit.inline_table()
        kwargs.update(dict(model.target.arguments))
        table["kwargs"] = kwargs
    table["input"] = list(facts.inputs)
    budget = tomlkit.table()
    for metric in ("params", "macs"):
        value = facts.measured.values.get(metric)
        if value:
            limit = tomlkit.inline_table()
            limit["max"] = value * 11 // 10
            budget[metric] = limit
            budget[metric].comment(f"{value:,} when this was written")
    if len(facts.outputs) == 1:
        shape = facts.outputs[0].partition(":")[0]
        is_scalar = shape == "()"
        budget["output-shape"] = shape if is_scalar else [int(size) for size in shape.split("x")]
    table["budget"] = budget
    return table


def _names(targets: Iterable[Target]) -> list[str]:
    """``unet`` for models/unet.py:UNet; a number more where there are two."""
    names: list[str] = []
    for target in targets:
        last = target.text.rpartition(":")[2].removesuffix(".py").rpartition("/")[2]
        name = word = re.sub(r"\W+", "-", last).strip("-").lower() or "model"
        count = 2
        while name in names:
            name, count = f"{word}-{count}", count + 1
        names.append(name)
    return names


def _seen_from(folder: Path, targets: Sequence[Target]) -> list[Target]:
    """Files as seen from the folder of the settings."""
    found = []
    for target in targets:
        path, colon, name = target.text.partition(":")
        if path.endswith(".py"):
            file = Path(path).absolute()
            path = file.relative_to(folder).as_posix() if file.is_relative_to(folder) else str(file)
            target = replace(target, text=f"{path}{colon}{name}")
        found.append(target)
    return found
