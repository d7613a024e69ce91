"""Where in whose source a call stands, or an exception was raised: frames → Site."""

from __future__ import annotations

import sysconfig
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType

import torch

from stitchcli.records import Site

Spot = tuple[CodeType, int]

_TORCH = str(Path(torch.__file__).parent)
_OURS = str(Path(__file__).parents[1])
_OUR_MODELS = tuple(f"{_OURS}/{part}/" for part in ("networks", "blocks"))
_INSTALLED = tuple({sysconfig.get_path(key) for key in ("stdlib", "purelib", "platlib")})


@cache
def is_model_code(file: str) -> bool:
    """False for torch, for stitch's own machinery and for code without a file."""
    return not is_own_code(file) and not file.startswith((_TORCH, "<"))


@cache
def is_torch_code(file: str) -> bool:
    """True for torch's own files."""
    return file.startswith(_TORCH)


@cache
def is_own_code(file: str) -> bool:
    """True for stitch's own machinery."""
    return file.startswith(_OURS) and not file.startswith(_OUR_MODELS)


@cache
def is_user_code(file: str) -> bool:
    """True for a file that belongs to no installed package."""
    return is_model_code(file) and not file.startswith((*_INSTALLED, _OURS))


def nearest_spot(frame: FrameType | None) -> Spot | None:
    """The innermost frame of model code, as a code object and an instruction offset."""
    while frame is not None:
        if is_model_code(frame.f_code.co_filename):
            return frame.f_code, frame.f_lasti
        frame = frame.f_back
    return None


def route_of(frame: FrameType | None) -> tuple[Spot, ...]:
    """The frames of model code from an op out to the forward that it is run by, innermost first.

    A forward is what nn.Module's ``__call__`` runs.
    """
    spots: list[Spot] = []
    while frame is not None and frame.f_code.co_name != "_call_impl":
        if is_model_code(frame.f_code.co_filename):
            spots.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return tuple(spots)


def site_of(spot: Spot | None) -> Site | None:
    """The span of source that a spot stands for."""
    return _site(spot[0].co_filename, *spot) if spot else None


@lru_cache(maxsize=65536)
def _site(file: str, code: CodeType, instruction: int) -> Site | None:
    """``file`` is part of the key: equal code in two files is one code object to a cache."""
    position = next(islice(code.co_positions(), instruction // 2, None), None)
    line, end_line, col, end_col = position or (None, None, None, None)
    if line is None:
        return None
    return Site(
        file=file,
        line=line,
        col=col or 0,
        end_line=end_line or line,
        end_col=end_col or 0,
        function=code.co_qualname,
        user=is_user_code(file),
    )


def spot_in(error: BaseException) -> Spot | None:
    """Where in the model's code an error came from, the innermost place."""
    found, frame = None, error.__traceback__
    while frame is not None:
        if is_model_code(frame.tb_frame.f_code.co_filename):
            found = frame.tb_frame.f_code, frame.tb_lasti
        frame = frame.tb_next
    return found


def raised_by(error: BaseException) -> str:
    """The function of torch or einops that complains, where one does; else it is the network's own
    code."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if type(error).__module__.startswith("einops"):
        return "einops"
    if frame is None or is_model_code(frame.tb_frame.f_code.co_filename):
        return ""
    return frame.tb_frame.f_code.co_name
