"""Which dummy input a network wants, where the user does not say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from inspect import Parameter, signature
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from stitchcli.errors import InputError, StitchError
from stitchcli.records import TensorSpec, Trace
from stitchcli.tracing.containers import dtype_name
from stitchcli.workbench import Workbench

Inputs = tuple[TensorSpec, ...]

_SIDES = {
    1: (256, 1024, 16000, 128),
    2: (256, 224, 128, 64, 32, 384, 512, 572, 28),
    3: (64, 32, 96, 128),
}
_TOKENS = 16


def guess(bench: Workbench) -> tuple[Inputs, Trace | None]:
    """The first candidate with which the network runs, else the one with the fewest faults, and
    its trace; what the network's source knows needs none. Raises InputError where nothing can be
    told."""
    if bench.network.inputs:
        return bench.network.inputs, None
    best: tuple[Inputs, Trace] | None = None
    failure: StitchError | None = None
    for inputs in candidates(bench.network.module, None):
        try:
            found, _ = bench.attempt((), inputs, None)
        except StitchError as error:
            failure = failure or error
            if isinstance(error.__cause__, SystemExit):
                raise
            continue
        if not found.problems:
            return inputs, found
        if best is None or (found.complete, -len(found.problems)) > (
            best[1].complete,
            -len(best[1].problems),
        ):
            best = inputs, found
    if best is not None:
        return best
    if failure is not None and not isinstance(failure, InputError):
        failure.help = f"give the input it wants, as in --input 1x3x256x256; {failure.help}".rstrip(
            "; "
        )
        raise failure
    words = ", ".join(_parameters(bench.network.module))
    raise InputError(
        f"no input could be guessed for this network, whose forward takes ({words})",
        "give one --input for each, as in --input 1x3x256x256 or --input mask=1x77:int64",
    )


def candidates(module: nn.Module, known: Inputs | None) -> Iterator[Inputs]:
    """What the network's source knows, what its config says, what its first layer takes."""
    if known:
        yield known
    seen: set[Inputs] = set()
    dtype = next((p.dtype for p in module.parameters() if p.is_floating_point()), None)
    for inputs in (*_from_config(module), *_from_layers(module)):
        inputs = tuple(_of_dtype(spec, dtype) for spec in inputs)
        if inputs and inputs not in seen and not any(0 in spec.shape for spec in inputs):
            seen.add(inputs)
            yield inputs


def _of_dtype(spec: TensorSpec, dtype: torch.dtype | None) -> TensorSpec:
    """Numbers come in the dtype of the weights; indices stay what they are."""
    if dtype is None or spec.dtype != "float32":
        return spec
    return replace(spec, dtype=dtype_name(dtype))


def _required(module: nn.Module) -> list[Parameter]:
    try:
        parameters = signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return []
    variable = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return [p for p in parameters if p.default is Parameter.empty and p.kind not in variable]


# ---------------------------------------------------------------- configs


def _from_config(module: nn.Module) -> Iterator[Inputs]:
    """transformers and diffusers networks say in ``config`` what they take."""
    config = getattr(module, "config", None)
    if config is None:
        return
    inner = [
        c for n in ("text_config", "vision_config") if (c := getattr(config, n, None)) is not None
    ]
    read = _Config([config, *inner])
    names = [p.name for p in _required(module) if p.name in _BY_NAME]
    main = getattr(module, "main_input_name", None)
    if isinstance(main, str) and main in _BY_NAME:
        names = list(dict.fromkeys([main, *names]))
        if getattr(config, "is_encoder_decoder", False) and main != "pixel_values":
            names.append("decoder_input_ids")
        both = {"pixel_values", "input_ids"} & set(_parameters(module))
        if len(inner) == 2 and len(both) == 2:
            names = ["input_ids", "pixel_values"]
    specs = [spec for name in names if (spec := _BY_NAME[name](read, name)) is not None]
    if specs:
        yield tuple(specs)


def _parameters(module: nn.Module) -> list[str]:
    try:
        return list(signature(module.forward).parameters)
    except (TypeError, ValueError):
        return []


class _Config:
    """Reads the first of several names that any of the configs has."""

    def __init__(self, configs: list[Any]) -> None:
        self._configs = configs

    def get(self, *names: str, default: Any = None) -> Any:
        for config in self._configs:
            for name in names:
                value = (
                    config.get(name) if isinstance(config, dict) else getattr(config, name, None)
                )
                if value is not None:
                    return value
        return default


def _image(read: _Config, name: str) -> TensorSpec:
    side = read.get("image_size", "sample_size", "input_size", default=224)
    sides = tuple(side) if isinstance(side, list | tuple) else (side, side)
    return TensorSpec(
        (1, read.get("num_channels", "in_channels", default=3), *sides[-2:]), name=name
    )


def _ids(read: _Config, name: str) -> TensorSpec:
    longest = read.get("max_position_embeddings", default=_TOKENS)
    return TensorSpec((1, min(_TOKENS, longest)), "int64", name)


def _states(read: _Config, name: str) -> TensorSpec:
    width = read.get("cross_attention_dim", "encoder_hid_dim", "joint_attention_dim", default=768)
    width = width[0] if isinstance(width, list | tuple) else width
    return TensorSpec((1, 77, width), name=name)


def _mel(read: _Config, name: str) -> TensorSpec:
    frames = 2 * read.get("max_source_positions", default=1500)
    return TensorSpec((1, read.get("num_mel_bins", default=80), frames), name=name)


_BY_NAME: dict[str, Any] = {
    "pixel_values": _image,
    "sample": _image,
    "x": _image,
    "input_ids": _ids,
    "decoder_input_ids": _ids,
    "attention_mask": _ids,
    "timestep": lambda read, name: TensorSpec((1,), "int64", name),
    "encoder_hidden_states": _states,
    "input_values": lambda read, name: TensorSpec((1, 16000), name=name),
    "input_features": _mel,
}

# ---------------------------------------------------------------- layers


def _from_layers(module: nn.Module) -> Iterator[Inputs]:
    """The first layer that tells how wide its input is; one like it for each input required."""
    required = _required(module)
    names = [p.name if p.kind is p.KEYWORD_ONLY else "" for p in required] or [""]
    for spec in _shapes(module):
        yield tuple(replace(spec, name=name) for name in names)
        if len(names) > 1:
            yield (spec,)


def _shapes(module: nn.Module) -> Iterator[TensorSpec]:
    first = next((each for each in module.modules() if _tells(each)), None)
    side = next(
        (
            value
            for each in module.modules()
            for name in ("img_size", "image_size", "input_size")
            if (value := getattr(each, name, None)) and isinstance(value, int | tuple | list)
        ),
        None,
    )
    match first:
        case _ConvNd():
            rank = len(first.kernel_size)
            if side is not None:
                sides = tuple(side) if isinstance(side, tuple | list) else (side,) * rank
                yield TensorSpec((1, first.in_channels or 3, *sides[-rank:]))
            for length in _SIDES[rank]:
                yield TensorSpec((1, first.in_channels or 3, *(length,) * rank))
        case nn.Linear():
            yield TensorSpec((1, first.in_features))
            yield TensorSpec((1, _TOKENS, first.in_features))
            yield TensorSpec((1, 1, 28, 28))
            yield TensorSpec((1, 3, 32, 32))
        case nn.Embedding() | nn.EmbeddingBag():
            yield TensorSpec((1, _TOKENS), "int64")
        case nn.RNNBase():
            yield TensorSpec((1, _TOKENS, first.input_size))
        case nn.MultiheadAttention():
            yield TensorSpec((1, _TOKENS, first.embed_dim))
        case nn.LayerNorm():
            yield TensorSpec((1, _TOKENS, *first.normalized_shape))
            yield TensorSpec((1, *first.normalized_shape))
        case _NormBase():
            for side in _SIDES[2][:4]:
                yield TensorSpec((1, first.num_features, side, side))
            yield TensorSpec((1, first.num_features))
        case nn.GroupNorm():
            for length in _SIDES[2][:4]:
                yield TensorSpec((1, first.num_channels, length, length))
        case None:
            yield TensorSpec((1, 3, 256, 256))


def _tells(module: nn.Module) -> bool:
    kinds = (_ConvNd, nn.Linear, nn.Embedding, nn.EmbeddingBag, nn.RNNBase, nn.MultiheadAttention,
             nn.LayerNorm, _NormBase, nn.GroupNorm)  # fmt: skip
    return isinstance(module, kinds)
