"""``stitch config``: each setting, and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stitchcli.cli.reports import Color, print_drawn

if TYPE_CHECKING:
    from rich.console import Console

    from stitchcli.config.found import Source
    from stitchcli.toml_lines import Key


def config(
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of stitch.toml, for editors.")
    ] = False,
    color: Annotated[Color, typer.Option(help="Colour; NO_COLOR is honoured.")] = Color.auto,
) -> int:
    """Each setting that holds here, and the line that it stands on."""
    if schema:
        from stitchcli.config.schema import json_schema

        print(json.dumps(json_schema(), indent=2))
        return 0
    from stitchcli.config.project import read_project

    source = read_project().source
    print_drawn(lambda console: _draw(source, console), color)
    return 0


def _draw(source: Source, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    for note in source.notes:
        console.print(Text(f"note: {note}", "yellow"), soft_wrap=True)
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    table.add_column(style="dim", overflow="fold")
    for path, value in _leaves(source.table, ()):
        table.add_row(Text(source.key(path)), Text(_toml(value)), source.place(path))
    for path, value in _defaults(source):
        table.add_row(Text(source.key(path)), Text(_toml(value)), "default")
    console.print(table)


def _leaves(value: Any, path: tuple[Key, ...]) -> Iterator[tuple[tuple[Key, ...], Any]]:
    """Every value that is no table."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, (*path, key))
    elif isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        for index, each in enumerate(value):
            yield from _leaves(each, (*path, index))
    else:
        yield path, value


def _defaults(source: Source) -> Iterator[tuple[tuple[Key, ...], Any]]:
    """What is not said, and holds all the same."""
    import msgspec

    from stitchcli.config.project import DEFAULT_BASELINE
    from stitchcli.config.tables import Model, Root

    tables: list[tuple[type[msgspec.Struct], Any, tuple[Key, ...]]] = [(Root, source.table, ())]
    models = source.table.get("model", [])
    tables += [(Model, each, ("model", at)) for at, each in enumerate(models)]
    for kind, table, path in tables:
        for each in msgspec.structs.fields(kind):
            if each.encode_name not in table and isinstance(each.default, str):
                yield (*path, each.encode_name), each.default
    if "baseline" not in source.table:
        yield ("baseline",), DEFAULT_BASELINE


def _toml(value: Any) -> str:
    import tomlkit

    text: str = tomlkit.item(value).as_string()
    return text
