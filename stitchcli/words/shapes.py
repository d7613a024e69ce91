"""Shapes as text: ``1x3x256x256``, ``1x77:int64``, ``mask=1x77:bool``."""

from __future__ import annotations

import re

from stitchcli.errors import InputError
from stitchcli.records import Shape, TensorSpec
from stitchcli.words.near import did_you_mean

DTYPES = (
    "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8",
    "bool", "complex64",
)  # fmt: skip
_ALIASES = {"float": "float32", "double": "float64", "half": "float16", "long": "int64"}
_SHAPE = re.compile(r"\d{1,12}(?:[xX×,]\d{1,12})*")


def parse_spec(text: str) -> TensorSpec:
    """``1x3x256x256``, ``1x77:int64`` or ``mask=1x77`` as a TensorSpec. Raises InputError."""
    name, equals, rest = text.strip().rpartition("=")
    words, _, dtype = rest.strip().partition(":")
    dtype = _ALIASES.get(dtype, dtype or "float32")
    if not _SHAPE.fullmatch(words) or (equals and not name.isidentifier()):
        raise InputError(
            f"{text!r} is not a shape", "write sizes joined by 'x', as in --input 1x3x256x256"
        )
    if dtype not in DTYPES:
        raise InputError(
            f"unknown dtype {dtype!r} in {text!r}",
            did_you_mean(dtype, DTYPES) or f"one of {', '.join(DTYPES)}",
        )
    shape = tuple(int(size) for size in re.split("[xX×,]", words))
    if 0 in shape:
        raise InputError(f"{text!r} has a size of zero", "give each axis at least 1")
    return TensorSpec(shape, dtype, name)


def print_spec(spec: TensorSpec) -> str:
    """The inverse of parse_spec."""
    text = "x".join(str(size) for size in spec.shape)
    text = text if spec.dtype == "float32" else f"{text}:{spec.dtype}"
    return f"{spec.name}={text}" if spec.name else text


def shape_text(shape: Shape) -> str:
    """``1x3x256x256``; ``()`` for a scalar."""
    return "x".join(map(str, shape)) or "()"


def format_shape(shape: Shape) -> str:
    """``3×256×256``: what people read; a scalar is ``()``."""
    return "×".join(str(size) for size in shape) if shape else "()"
