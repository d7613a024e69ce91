"""The JSON Schema of stitch.toml, for editors: what ``tables.py`` says, in other words."""

from __future__ import annotations

from typing import Any

import msgspec

from stitchcli.config.tables import Root
from stitchcli.records import METRICS

URL = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema of a stitch.toml; that of ``[tool.stitch]`` in pyproject.toml is the same."""
    schema = msgspec.json.schema(Root)
    tables = schema["$defs"]
    for table in tables.values():
        table["additionalProperties"] = False
        for value in table["properties"].values():
            _without_null(value)
    # the limits of a subtree: "params@down*"
    budget = tables["Budget"]
    budget["patternProperties"] = {f"^({'|'.join(METRICS)})@.+$": budget["properties"]["params"]}
    return {"$schema": URL, "title": "stitch.toml", **schema}


def _without_null(value: dict[str, Any]) -> None:
    """TOML has none."""
    options = [each for each in value.get("anyOf", []) if each != {"type": "null"}]
    if options:
        value["anyOf"] = options
    if value.get("default", "") is None:
        del value["default"]
