"""Both counters, one after the other, on a network that is left as it was."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import metadata

import torch
from torch import nn

from stitchcli.peers import fvcore, torchinfo
from stitchcli.records import PeerCount, Trace
from stitchcli.tracing.preserve import Originals, preserved
from stitchcli.tracing.trace import dummy_inputs

_PEERS: dict[str, Callable[..., PeerCount]] = {"torchinfo": torchinfo.count, "fvcore": fvcore.count}


def cross_check(module: nn.Module, trace: Trace) -> tuple[PeerCount, ...]:
    """What each counts in a network that was traced. One that fails says so in its count."""
    return tuple(_count(name, module, trace) for name in _PEERS)


def _count(name: str, module: nn.Module, trace: Trace) -> PeerCount:
    args, kwargs = dummy_inputs(trace.inputs, trace.device)
    with _quietly(module, trace) as originals:
        try:
            originals.keep_written(lambda: module(*args, **kwargs))
            return _PEERS[name](module, args, kwargs, trace)
        except Exception as error:
            cause: BaseException = error
            while cause.__cause__ is not None:
                cause = cause.__cause__
            first = (str(cause).strip().splitlines() or [""])[0]
            text = f"{type(cause).__name__}: {first}" if first else type(cause).__name__
            text += "; it may work with --device cpu" if trace.device == "meta" else ""
            return PeerCount(name, metadata.version(name), error=text)


@contextmanager
def _quietly(module: nn.Module, trace: Trace) -> Iterator[Originals]:
    """The network in the mode of the trace, and as it was afterwards; nothing printed."""
    logger = logging.getLogger("fvcore")
    level = logger.level
    with ExitStack() as stack:
        originals = stack.enter_context(preserved(module))
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(torch.no_grad())
        stack.enter_context(torch.device(trace.device))
        stack.callback(logger.setLevel, level)
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        module.train(trace.mode == "train")
        yield originals
