"""``load``: words → Target → Network."""

from __future__ import annotations

import importlib
import re
from contextlib import nullcontext, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from stitchcli.errors import DeviceError, ModelError, TargetError
from stitchcli.networks import BUILTINS
from stitchcli.records import Target, TensorSpec
from stitchcli.sources.choose import choose, pick
from stitchcli.sources.construct import construct
from stitchcli.sources.frames import guarded
from stitchcli.sources.imports import imports_on_cpu
from stitchcli.sources.network import Network
from stitchcli.sources.quick_weights import quick_weights
from stitchcli.sources.recording import Recording, recording
from stitchcli.sources.revisions import Revision, at_revision
from stitchcli.sources.user_code import UserCode, folders_of
from stitchcli.sources.zoos import ZOOS, Build, import_package, plan_zoo
from stitchcli.tracing.depth import room_for_depth
from stitchcli.tracing.mending import mending, misbuilt_in
from stitchcli.words.near import did_you_mean

_IMPORT_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


@room_for_depth()
def load(target: Target, device: str = "cpu", *, quick: bool = False) -> Network:
    """The network that a target names, on ``device``. Layers that cannot be built from their
    numbers are built from others, and marked. ``quick`` is for weights that nobody looks at one by
    one.

    Raises TargetError, ModelError, DeviceError.
    """
    check_device(device)
    try:
        return _load(target, device, quick)
    except ModelError as error:
        with mending(), suppress(ModelError, TargetError):
            network = _load(target, device, quick)
            if misbuilt_in(network.module):
                return network
        raise error from error.__cause__


def _load(target: Target, device: str, quick: bool) -> Network:
    revision = at_revision(target.text)
    user_code, build, name = _plan(target, revision)
    with user_code.active():
        module, inputs, notes, seen = _build_on(build, device, quick)
    return Network(
        name=name,
        target=target.text,
        module=module,
        device=device,
        inputs=inputs,
        built=seen.sites(module),
        arguments=seen.arguments(module),
        routes=seen.routes(module),
        user_code=user_code,
        notes=notes,
        revision=revision,
    )


def check_device(device: str) -> None:
    """Raise DeviceError for a device that does not exist here."""
    match = re.fullmatch(r"(cpu|meta|cuda(?::(\d+))?)", device)
    if match is None:
        help = did_you_mean(device, ("cpu", "cuda", "meta")) or "one of cpu, cuda, cuda:N, meta"
        raise DeviceError(f"unknown device {device!r}", help)
    if device.startswith("cuda"):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(match[2] or 0) >= count:
            found = f"{count} found" if count else "no CUDA device found"
            raise DeviceError(
                f"device {device!r} is not there: {found}", "use --device cpu or --device meta"
            )


def _build_on(
    build: Build, device: str, quick: bool
) -> tuple[nn.Module, tuple[TensorSpec, ...] | None, tuple[str, ...], Recording]:
    """Build under meta where no weights are wanted, else on CPU and move."""
    if device == "meta":
        try:
            with recording() as seen, torch.device("meta"), imports_on_cpu():
                module, inputs = build()
            with guarded("moving to meta"):
                return module.to("meta"), inputs, (), seen
        except ModelError:
            pass  # its constructor needs numbers; a fault of its own is raised again below
    with recording() as seen, quick_weights() if quick else nullcontext():
        module, inputs = build()
    moved = "could not be built on meta: built on cpu, then moved"
    with guarded(f"moving to {device}"):
        return module.to(device), inputs, (moved,) if device == "meta" else (), seen


def _plan(target: Target, revision: Revision | None) -> tuple[UserCode, Build, str]:
    """Where a target's code lives, how to build it, and what to call it."""
    text, arguments = target.text, dict(target.arguments)
    if revision is not None:
        imported = import_file(revision.file, revision)
        return _plan_module(*imported, revision.name, text, arguments)
    place, _, rest = text.partition(":")
    if text in BUILTINS:
        return UserCode(()), lambda: _builtin(text, arguments), text
    if (file := _as_file(text)) is not None:
        path, name = file
        return _plan_module(*import_file(path), name, text, arguments)
    user_code = UserCode((Path.cwd(),))
    if place in ZOOS and rest and not _is_class(rest):
        with user_code.active():
            return user_code, plan_zoo(place, rest, arguments), rest
    if _IMPORT_PATH.fullmatch(text):
        with user_code.active(), guarded(f"importing {place}"):
            source = pick(import_package(place), rest, text)
        return user_code, lambda: (construct(source, arguments, rest), None), rest
    raise TargetError(f"there is no network {text!r}", _nearest_target(text))


def _is_class(name: str) -> bool:
    """``torchvision:models.ResNet`` is an import path, not a name in the zoo."""
    return name.startswith("models.")


def _builtin(name: str, arguments: dict[str, Any]) -> tuple[nn.Module, tuple[TensorSpec, ...]]:
    builtin = BUILTINS[name]
    module, _, factory = builtin.factory.partition(":")
    source = getattr(importlib.import_module(module), factory)
    shape = list(builtin.input_shape)
    shape[1] = arguments.get("in_channels", shape[1])
    if "img_size" in arguments:
        shape[2:] = [arguments["img_size"]] * 2
    return construct(source, arguments, name), (TensorSpec(tuple(shape)),)


def _as_file(text: str) -> tuple[Path, str] | None:
    """``dir/file.py:Name`` as the path and the name, or None if it is no file."""
    match = re.fullmatch(r"(.+?\.py)(?::([\w.]+))?", text)
    if match:
        return Path(match[1]), match[2] or ""
    path = Path(text or "?")
    if path.suffix or path.is_dir() or ("/" in text and ":" not in text):
        if path.is_dir():
            raise TargetError(f"{text} is a folder", "name a .py file in it")
        if path.exists():
            raise TargetError(f"{text} is not a Python file", "name a .py file")
        if "/" in text or path.suffix == ".py":
            raise TargetError(f"there is no file {text}", _nearest_file(path))
    return None


def _plan_module(
    module: ModuleType, user_code: UserCode, name: str, text: str, arguments: dict[str, Any]
) -> tuple[UserCode, Build, str]:
    chosen, source = (name, pick(module, name, text)) if name else choose(module, text)
    return user_code, lambda: (construct(source, arguments, chosen), None), chosen


def import_file(path: Path, revision: Revision | None = None) -> tuple[ModuleType, UserCode]:
    """A user's file as a module, with the world it was imported in: today's, or that of a
    revision. Raises TargetError, ModelError."""
    if not path.is_file():
        raise TargetError(f"there is no file {path}", _nearest_file(path))
    file = path.resolve()
    folders = folders_of(file, revision.here if revision else Path.cwd())
    user_code = UserCode(tuple(dict.fromkeys((*folders, *(revision.folders if revision else ())))))
    with user_code.active(), guarded(f"importing {path}"):
        try:
            module = user_code.load_file(file)
        except SyntaxError as error:
            where = f"{error.filename}:{error.lineno}" if error.lineno else str(path)
            line = (error.text or "").rstrip()
            raise TargetError(
                f"{where}: {error.msg}",
                "mend the file's syntax",
                f"    {line.strip()}" if line else "",
            ) from error
        except ModuleNotFoundError as error:
            if not error.name:
                raise TargetError(
                    f"{path} cannot be imported: {error}", "mend what it imports"
                ) from error
            raise TargetError(
                f"{path} imports {error.name}, which is not here",
                f"pip install {(error.name or '').partition('.')[0]}, or run where it lies",
            ) from error
    return module, user_code


def _nearest_target(text: str) -> str:
    meant = did_you_mean(text, BUILTINS)
    known = f"built in are {', '.join(BUILTINS)}; or give file.py, package.module:Name, timm:NAME"
    return f"{meant} {known}" if meant else known


def _nearest_file(path: Path) -> str:
    folder = path.parent
    files = [str(each) for each in folder.glob("*.py")] if folder.is_dir() else []
    return did_you_mean(str(path), files) or "check the path"
