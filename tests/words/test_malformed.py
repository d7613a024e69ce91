"""Text that means nothing is an error that says what is the matter and what to write."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stitchcli.errors import EditError, InputError, StitchError
from stitchcli.words.amounts import parse_amount
from stitchcli.words.blocks import parse_block
from stitchcli.words.edits import PARSERS, parse_edit
from stitchcli.words.near import did_you_mean
from stitchcli.words.selectors import parse_selector
from stitchcli.words.shapes import parse_spec
from stitchcli.words.values import parse_arguments, parse_value

ANY = settings(deadline=None, max_examples=200)
SIGNS = st.text("ab1x=:@[](){},./*+- '\"<>!\\\n", max_size=14)
TEXTS = (SIGNS | st.text(max_size=12)).filter(lambda text: not re.search("@.*(-:|:-)", text))
READERS: dict[str, Callable[[str], Any]] = {
    **PARSERS,
    "edit": parse_edit,
    "selector": parse_selector,
    "block": parse_block,
    "argument": lambda text: parse_arguments([text], "--arg"),
    "spec": parse_spec,
    "amount": parse_amount,
}


def check(read: Callable[[str], Any], text: str) -> StitchError | None:
    """The error that reading gave, or None where the text could be read."""
    try:
        read(text)
    except StitchError as error:
        assert error.message and error.help
        return error
    return None


@pytest.mark.parametrize("name", READERS)
@ANY
@given(text=TEXTS)
def test_only_our_errors_escape(name: str, text: str) -> None:
    check(READERS[name], text)


@ANY
@given(text=TEXTS)
def test_every_text_is_some_value(text: str) -> None:
    parse_value(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "conv", "=", "conv=", "=dwconv", "conv=x=1", "conv[k=3=dwconv", "conv[k]]=x"),
        *("conv[=3]=x", "conv@one=x", "nmae:conv=x", "a//b=x", "conv=se:x=1,2", "conv=se:=1"),
        *("conv=(x", "conv='x", "conv[,k]=x[k=]"),
    ],
)
def test_malformed_placements(text: str) -> None:
    for flag in ("--replace", "--after", "--before"):
        error = check(PARSERS[flag], text)
        assert isinstance(error, EditError)


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        *(("--set", text) for text in ("", "a", "a.b", "a=1", ".b=1", "a.=1", "a.b=", "a.b-c=1")),
        *(("--remove", text) for text in ("", "a=b", "a/", "type:")),
        *(("--except", text) for text in ("", "a=b", "@0", "a@1:2:3")),
    ],
)
def test_other_malformed_flags(flag: str, text: str) -> None:
    assert isinstance(check(PARSERS[flag], text), EditError)


@pytest.mark.parametrize("text", ["conv=dwconv", "replace conv=x", "--swap conv=x", "", "--set"])
def test_what_is_not_a_flag(text: str) -> None:
    assert isinstance(check(parse_edit, text), EditError)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        *((text, "not a shape") for text in ("", "x", "1xx3", "1x-3", "a b=1", "1.5x2")),
        ("0x3", "zero"),
        ("1x3:flaot32", "dtype"),
    ],
)
def test_malformed_shapes(text: str, said: str) -> None:
    error = check(parse_spec, text)
    assert isinstance(error, InputError) and said in error.message


def test_misspelt_words_name_the_nearest() -> None:
    assert "'float32'" in getattr(check(parse_spec, "1x3:flaot32"), "help", "")
    assert "'name'" in getattr(check(parse_selector, "nmae:conv"), "help", "")
    assert did_you_mean("UNTE", ["unet", "vit"]) == "did you mean 'unet'?"
    assert did_you_mean("zzz", ["unet", "vit"]) == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("spec", "9" * 5000),
        ("amount", "9" * 5000),
        ("selector", "a@" + "9" * 5000),
        ("selector", "a@-:"),
        ("selector", "a@1:-"),
        ("argument", f"a={'9' * 5000}x3"),
        ("argument", "a={[]: 1}"),
        ("argument", "a={{}}"),
    ],
)
def test_what_python_itself_refuses(name: str, text: str) -> None:
    check(READERS[name], text)


def test_a_message_is_one_line() -> None:
    error = check(parse_selector, "a@\n1")
    assert error is not None and "\n" not in error.message
