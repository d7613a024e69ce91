"""The models of a project and the limits they are held to, as records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from stitchcli.config.found import Source, find_source
from stitchcli.config.settings import Settings, settings_of
from stitchcli.errors import StitchError
from stitchcli.records import METRICS, Limit, ModelCheck, Shape, Slack, Target
from stitchcli.toml_lines import Key
from stitchcli.words.edits import parse_edit
from stitchcli.words.limits import parse_slack, parse_whole
from stitchcli.words.selectors import parse_selector
from stitchcli.words.shapes import parse_spec

if TYPE_CHECKING:
    from stitchcli.config.tables import Bounds, Budget, Increase, Model, Root
    from stitchcli.config.validate import Mistakes

DEFAULT_BASELINE = "stitch-baseline.json"
T = TypeVar("T")


@dataclass(frozen=True)
class Project:
    """Everything in a project's settings. ``baseline`` and ``base`` are as written, None where
    they are not."""

    source: Source
    settings: Settings
    models: tuple[ModelCheck, ...]
    baseline: str | None = None
    base: str | None = None

    @property
    def folder(self) -> Path:
        """Where the settings lie; their paths are relative to it."""
        return self.source.file.parent

    @property
    def baseline_file(self) -> Path:
        """Where the baseline is, or would be."""
        return self.folder / (self.baseline or DEFAULT_BASELINE)


def read_project(source: Source | None = None) -> Project:
    """The project that holds in the working directory. Raises StitchError that tells all that is
    wrong, or that there is none."""
    source = source or find_source()
    if source is None:
        raise StitchError(
            "there is no stitch.toml and no [tool.stitch] here or above",
            "stitch init measures your networks and writes one",
        )
    from stitchcli.config.validate import Mistakes, validated

    mistakes = Mistakes(source)
    root, places = validated(source, mistakes)
    reader = _Reader(source, mistakes)
    models = tuple(
        reader.model(each, root, at) for at, each in zip(places, root.model, strict=True)
    )
    names = [each.name for each in models]
    for index, name in enumerate(names):
        if name in names[:index]:
            path = ("model", places[index], "name")
            mistakes.add(path, f"another model is called {name!r}", "give each its own name")
    settings = settings_of(root, source, mistakes, source.file.parent)
    mistakes.check()
    return Project(source, settings, models, root.baseline, root.base)


class _Reader:
    """Turns words into records; what cannot be read goes to ``mistakes``."""

    def __init__(self, source: Source, mistakes: Mistakes) -> None:
        self._source = source
        self._mistakes = mistakes

    def model(self, given: Model, root: Root, index: int) -> ModelCheck:
        path: tuple[Key, ...] = ("model", index)
        table = self._source.table["model"][index]
        before = len(self._mistakes.found)
        inputs = given.input if isinstance(given.input, list) else [given.input]
        limits, lines = self._limits(given.budget, table.get("budget", {}), (*path, "budget"))
        shape = self._output(given.budget.output_shape, (*path, "budget", "output-shape"))
        compatible = given.budget.checkpoint_compatible
        looks = given.faults not in (None, "ignore")
        nothing = not limits and shape is None and not compatible and not looks
        if nothing and len(self._mistakes.found) == before:
            self._mistakes.add(
                path,
                "this model has no budget, so that nothing would be checked",
                'write budget = { params = "1.7M" }, or faults = "error" to look for faults alone',
            )
        for name in ("output-shape", "checkpoint-compatible"):
            lines[name] = self._source.line((*path, "budget", name)) or 0
        return ModelCheck(
            name=given.name,
            target=Target(given.target, tuple(given.kwargs.items())),
            inputs=tuple(self._each(parse_spec, inputs, (*path, "input"))),
            edits=tuple(self._each(parse_edit, given.edits, (*path, "edits"))),
            mode=given.mode,
            limits=tuple(limits),
            output_shape=shape,
            checkpoint=("warn" if compatible == "warn" else "error") if compatible else None,
            faults=given.faults or root.faults,
            uncounted=given.uncounted_ops or root.uncounted_ops,
            lines={**lines, "": self._source.line((*path, "name")) or 0},
        )

    def _limits(
        self, given: Budget, table: dict[str, Any], path: tuple[Key, ...]
    ) -> tuple[list[Limit], dict[str, int]]:
        import msgspec

        from stitchcli.config.tables import Bounds

        limits: list[Limit] = []
        lines: dict[str, int] = {}
        for key, value in table.items():
            metric, at, selector = key.partition("@")
            if metric not in METRICS:
                continue
            if at:
                self._read(parse_selector, selector, (*path, key))
            bounds = msgspec.convert(
                value if isinstance(value, dict) else {"max": value}, Bounds
            )  # a number alone is the most that is allowed
            found = list(self._of_bounds(key, bounds, (*path, key)))
            limits += found
            for limit in found:
                inner = (*path, key, limit.kind) if isinstance(value, dict) else (*path, key)
                lines[limit.name] = self._source.line(inner) or 0
        return limits, lines

    def _of_bounds(self, metric: str, given: Bounds, path: tuple[Key, ...]) -> Iterator[Limit]:
        before = len(self._mistakes.found)
        values = {}
        for kind in ("max", "min", "exact", "target"):
            if (value := getattr(given, kind)) is not None:
                values[kind] = self._read(parse_whole, value, (*path, kind)) or 0
        for kind, value in values.items():
            slack = Slack()
            if kind == "target" and given.tolerance is not None:
                slack = self._read(parse_slack, given.tolerance, (*path, "tolerance")) or slack
            yield Limit(metric, kind, value, slack, given.level)  # type: ignore[arg-type]
        if given.max_increase is not None:
            slack = self._increase(given.max_increase, (*path, "max-increase"))
            yield Limit(metric, "max-increase", slack=slack, level=given.level)
        if len(self._mistakes.found) > before:
            return
        if given.tolerance is not None and "target" not in values:
            self._mistakes.add((*path, "tolerance"), "there is no target", "write target too")
        if not values and given.max_increase is None:
            self._mistakes.add(
                path, "this has no limit", "write max, min, exact, target or max-increase"
            )
        if values.get("min", 0) > values.get("max", values.get("min", 0)):
            self._mistakes.add((*path, "min"), "min is above max", "nothing could pass")

    def _increase(self, given: int | str | Increase, path: tuple[Key, ...]) -> Slack:
        if isinstance(given, int | str):
            return self._read(parse_slack, given, path) or Slack()
        if given.rel is None and given.abs is None:
            self._mistakes.add(path, "this has no limit", 'write rel = "2%", or abs = "10k"')
            return Slack()
        share = self._read(parse_slack, given.rel, (*path, "rel")) if given.rel else None
        if share is not None and share.relative is None:
            self._mistakes.add((*path, "rel"), f"{given.rel!r} is no share", 'write rel = "2%"')
        absolute = None
        if given.abs is not None:
            absolute = self._read(parse_whole, given.abs, (*path, "abs"))
        return Slack(absolute, share.relative if share else None)

    def _output(
        self, given: str | list[int | str | list[int]] | None, path: tuple[Key, ...]
    ) -> tuple[Shape, ...] | None:
        if given is None:
            return None
        if isinstance(given, list) and given and all(isinstance(each, int) for each in given):
            given = [given]  # type: ignore[list-item]
        each = given if isinstance(given, list) else [given]
        if not each:
            self._mistakes.add(path, "this names no shape", "write output-shape = [1, 2, 256, 256]")
        return tuple(self._each(_shape, each, path))

    def _each(
        self, parse: Callable[[Any], T], given: list[Any], path: tuple[Key, ...]
    ) -> Iterator[T]:
        for index, value in enumerate(given):
            found = self._read(parse, value, (*path, index))
            if found is not None:
                yield found

    def _read(self, parse: Callable[[Any], T], value: Any, path: tuple[Key, ...]) -> T | None:
        try:
            return parse(value)
        except StitchError as error:
            self._mistakes.add(path, error.message, error.help)
            return None


def _shape(given: Any) -> Shape:
    if isinstance(given, list):
        return tuple(given)
    if given == "()":
        return ()
    if isinstance(given, int):
        raise StitchError(f"{given} is no shape", 'write "1x2x256x256" or [1, 2, 256, 256]')
    return parse_spec(given).shape
