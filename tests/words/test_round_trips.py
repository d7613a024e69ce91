"""Printers and parsers are inverses of each other, for every record that a flag can hold."""

import ast
import re
import shlex
from keyword import iskeyword
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stitchcli.errors import StitchError
from stitchcli.records import (
    Block,
    BlockSpec,
    ClassName,
    Condition,
    Edit,
    Formula,
    Insert,
    Itself,
    Keep,
    Matched,
    Parallel,
    Remove,
    Replace,
    Residual,
    Resized,
    Selector,
    Series,
    Set,
    TensorSpec,
    Word,
    Wrap,
)
from stitchcli.words.amounts import format_amount, format_change, format_delta, parse_amount
from stitchcli.words.blocks import holds_itself, parse_block, print_block
from stitchcli.words.edits import parse_edit, print_edit, shell_edit
from stitchcli.words.selectors import parse_selector, print_selector
from stitchcli.words.shapes import DTYPES, parse_spec, print_spec
from stitchcli.words.values import parse_value, print_value

RESERVED = (
    "self",
    "series",
    "parallel",
    "residual",
    "matched",
    "cin",
    "cout",
    "h",
    "w",
    "min",
    "max",
)
ANY = settings(deadline=None, max_examples=150)

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: not iskeyword(name)
)
SPECS = st.builds(
    TensorSpec,
    st.lists(st.integers(1, 10**6), min_size=1, max_size=6).map(tuple),
    st.sampled_from(DTYPES),
    st.just("") | NAMES,
)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.none() | st.booleans() | NUMBERS | NAMES
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(NAMES, inner, max_size=2)
    ),
    max_leaves=5,
)
PATHS = st.lists(NAMES | st.integers(0, 99).map(str), min_size=1, max_size=3).map(".".join)
GLOBS = st.sampled_from(["*", "**", "down?", "down[12]", "layer*.**.conv1", "[ab]*.[!c]"])
WORDS = st.builds(Word, PATHS | GLOBS, st.sampled_from(["any", "name", "type", "family", "role"]))
CONDITIONS = st.builds(
    Condition, NAMES | st.just("a.b"), st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), VALUES
)
END = st.none() | st.integers(-99, 99)
SELECTORS = st.builds(
    Selector,
    st.lists(WORDS, min_size=1, max_size=3).map(tuple),
    st.lists(CONDITIONS, max_size=3).map(tuple),
    END | st.tuples(END, END),
) | st.sampled_from([r"conv\d+", r"^(down|up)[12]\.", "a[b]$"]).map(
    lambda pattern: Selector((Word(pattern, "re"),))
)
BLOCK_NAMES = NAMES | st.sampled_from(["nn.SiLU", "my/net.py:Gate", "../b.py:A", "a.b:C"])
MEASURE = st.sampled_from(["cin", "cout", "h", "w", "2", "16"])
FORMULAS = (
    st.recursive(
        MEASURE,
        lambda inner: (
            st.tuples(inner, st.sampled_from([*"+-*/%", "//", "**"]), inner).map(
                lambda parts: f"({''.join(parts)})"
            )
            | st.tuples(inner, inner).map(lambda parts: f"max({', '.join(parts)})")
            | st.tuples(inner, inner).map(lambda parts: f"({', '.join(parts)})")
            | inner.map(lambda text: f"-({text})")
        ),
        max_leaves=4,
    )
    .filter(lambda text: re.search("[chw]", text.replace("max", "")))
    .map(lambda text: Formula(ast.unparse(ast.parse(text, mode="eval"))))
)
ODD_NAMES = st.sampled_from(["我的 块/b.py:A", "a+b.py:C", "my (new)/b.py:A"])
CLASS_NAMES = BLOCK_NAMES.filter(lambda name: name not in RESERVED)
SPECIFIC = CLASS_NAMES | ODD_NAMES
ARGUMENTS = VALUES | FORMULAS | CLASS_NAMES.map(ClassName)


def specs(values: st.SearchStrategy[Any]) -> st.SearchStrategy[BlockSpec]:
    return st.builds(
        BlockSpec,
        SPECIFIC,
        st.lists(st.tuples(NAMES, values), max_size=3).map(tuple),
        st.lists(values, max_size=2).map(tuple),
    ).filter(lambda spec: len({name for name, _ in spec.arguments}) == len(spec.arguments))


BLOCKS: st.SearchStrategy[Any] = st.recursive(
    specs(ARGUMENTS) | st.builds(BlockSpec, SPECIFIC),
    lambda inner: (
        st.builds(Series, st.lists(inner | st.just(Itself()), min_size=1, max_size=3).map(tuple))
        | st.builds(
            Parallel,
            st.lists(inner | st.just(Itself()), min_size=1, max_size=3).map(tuple),
            st.sampled_from(["add", "mul", "concat", "mean"]),
        )
        | st.builds(Residual, inner | st.just(Itself()))
        | st.builds(Matched, inner | st.just(Itself()))
        | st.builds(Resized, inner | st.just(Itself()))
        | specs(ARGUMENTS | inner.filter(lambda block: not holds_itself(block)))
    ),
    max_leaves=5,
)
PLAIN_BLOCKS = BLOCKS.filter(lambda block: not holds_itself(block))
EDITS = (
    st.builds(Replace, SELECTORS, PLAIN_BLOCKS)
    | st.builds(Wrap, SELECTORS, BLOCKS.filter(holds_itself))
    | st.builds(Insert, st.sampled_from(["after", "before"]), SELECTORS, PLAIN_BLOCKS)
    | st.builds(Set, SELECTORS, NAMES, VALUES)
    | st.builds(Remove, SELECTORS)
    | st.builds(Keep, SELECTORS)
)


@ANY
@given(SPECS)
def test_specs(spec: TensorSpec) -> None:
    assert parse_spec(print_spec(spec)) == spec


@ANY
@given(VALUES)
def test_values(value: Any) -> None:
    read = parse_value(print_value(value))
    assert read == value and type(read) is type(value)


@ANY
@given(SELECTORS)
def test_selectors(selector: Selector) -> None:
    assert parse_selector(print_selector(selector)) == selector


@ANY
@given(BLOCKS)
def test_blocks(block: Block) -> None:
    assert parse_block(print_block(block)) == block


@ANY
@given(EDITS)
def test_edits(edit: Edit) -> None:
    assert parse_edit(print_edit(edit)) == edit
    assert parse_edit(shell_edit(edit)) == edit


@ANY
@given(EDITS.filter(lambda edit: "'" not in print_edit(edit)))
def test_edits_through_a_shell(edit: Edit) -> None:
    words = shlex.split(shell_edit(edit))
    assert len(words) == 2
    assert parse_edit(" ".join(words)) == edit


@pytest.mark.parametrize("value", [["A"], {"a": 1}, "8", ("a", "b"), "it's"])
def test_quotes_through_a_shell(value: Any) -> None:
    edit = Set(Selector((Word("a"),)), "b", value)
    assert parse_edit(" ".join(shlex.split(shell_edit(edit)))) == edit


@pytest.mark.parametrize("value", ["a,b", "a:b", "a=b,c", "a(", "x]", "it's", ""])
def test_strings_with_signs_of_the_grammar(value: str) -> None:
    where = Selector((Word("a"),), (Condition("k", "=", value),))
    assert parse_selector(print_selector(where)) == where
    block = BlockSpec("se", (("mode", value),))
    assert parse_block(print_block(block)) == block


@ANY
@given(st.text("abk=:@[]/*.,1<>!x-()' ", max_size=16))
def test_what_can_be_read_is_printed_so_that_it_reads_the_same(text: str) -> None:
    try:
        selector = parse_selector(text)
    except StitchError:
        return
    assert parse_selector(print_selector(selector)) == selector


@ANY
@given(st.integers(0, 10**14))
@example(999_994)
@example(999_995)
def test_amounts(count: int) -> None:
    assert parse_amount(str(count)) == parse_amount(f"{count:,}") == count
    text = format_amount(count)
    assert abs(parse_amount(text) - count) <= 0.005 * count
    assert len(text) <= 7
    assert format_amount(-count) == (f"-{text}" if count else text)


@ANY
@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_changes(base: int, result: int) -> None:
    assert (format_change(base, result) == "") == (base == result)
    assert format_delta(result - base)[0] == ("+" if result >= base else "−")
    assert format_change(base, result).startswith(("−", "≈")) or result >= base


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("1x77:long", TensorSpec((1, 77), "int64")),
        ("mask=1X77:bool", TensorSpec((1, 77), "bool", "mask")),
        ("1×3,4", TensorSpec((1, 3, 4))),
    ],
)
def test_other_spellings_of_shapes(text: str, spec: TensorSpec) -> None:
    assert parse_spec(text) == spec


@pytest.mark.parametrize(
    ("text", "value"),
    [("True", True), ("NONE", None), ("3x5", (3, 5)), ("[1,2]", [1, 2]), ("gelu", "gelu")],
)
def test_other_spellings_of_values(text: str, value: Any) -> None:
    assert parse_value(text) == value
