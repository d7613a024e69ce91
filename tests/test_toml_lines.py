"""Lines of TOML keys, against files in which each value says on which line it stands."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stitchcli.toml_lines import lines_of

CONFIG = """\
# a project
[tool.black]
line-length = 100

[tool.stitch]
baseline = "b.json"  # beside

[[tool.stitch.model]]
name = "unet"
input = [
  "1x3x256x256",
  # a comment = "in a value"
  "1x77:int64",
]

[tool.stitch.model.budget]
params = { max = "1.7M", max-increase = { rel = "2%" } }
"params@down*" = { max = "1M" }

[[tool.stitch.model]]

# the second
name = '''
[[tool.stitch.model]]
name = "no key"
'''
"""
MODEL = ("tool", "stitch", "model")


def test_a_config() -> None:
    def line(*path: Any) -> int | None:
        return lines_of(CONFIG).get(path)

    assert line("tool", "black", "line-length") == 3
    assert line("tool", "stitch", "baseline") == 6
    assert line(*MODEL) == line(*MODEL, 0) == 8
    assert line(*MODEL, 0, "name") == 9
    assert line(*MODEL, 0, "input") == line(*MODEL, 0, "input", 1) == 10
    assert line(*MODEL, 0, "budget") == 16
    assert line(*MODEL, 0, "budget", "params", "max-increase", "rel") == 17
    assert line(*MODEL, 0, "budget", "params@down*", "max") == 18
    assert line(*MODEL, 1) == 20
    assert line(*MODEL, 1, "name") == 23
    assert line(*MODEL, 2) is None and line("tool", "no") is None
    assert lines_of("= no TOML") == {}
    assert lines_of('a = "\u2028"\r\nb = 1')[("b",)] == 2


@given(st.lists(st.sampled_from(["plain", "list", "text", "blank", "comment", "table"])))
def test_any_file(statements: list[str]) -> None:
    lines: list[str] = []
    where: list[tuple[tuple[str, ...], int]] = []
    table: tuple[str, ...] = ()
    for index, kind in enumerate(statements):
        key, number = f"k{index}", len(lines) + 1
        match kind:
            case "plain":
                lines.append(f"{key} = 1")
            case "list":
                lines += [f"{key} = [", "  1,", "  2,", "]"]
            case "text":
                lines += [f'{key} = """', "k0 = 1", "[[", '"""']
            case "table":
                lines.append(f"[{key}]")
                table = (key,)
            case _:
                lines.append("" if kind == "blank" else "# k0 = 1")
        if kind in ("plain", "list", "text"):
            where.append(((*table, key), number))
        if kind == "table":
            where.append((table, number))
    text = "\n".join(lines) + "\n"
    for path, number in where:
        assert lines_of(text)[path] == number
