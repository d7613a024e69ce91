"""Checkpoint files: names and shapes of the tensors in them, and copies with other names."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from stitchcli.errors import StitchError
from stitchcli.records import Shape
from stitchcli.whole_files import staged

#: Where training scripts keep the state dict, and what wrappers put before its keys.
_INNER = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "ema")
_PREFIXES = ("module.", "_orig_mod.")


@dataclass(frozen=True)
class WeightFile:
    """``shapes`` by the names that the network has for them; ``prefix`` is what stands before all
    of them in the file, ``inner`` the keys under which the file holds the state dict."""

    path: Path
    shapes: Mapping[str, Shape]
    prefix: str = ""
    inner: tuple[str, ...] = ()

    @property
    def is_safetensors(self) -> bool:
        """True for a file that holds tensors and nothing else."""
        return self.path.suffix == ".safetensors"

    def named_as(self, known: Set[str]) -> WeightFile:
        """The same without a prefix that all names have and none of ``known`` has, as training
        frameworks put one before the network's own."""
        first = next(iter(self.shapes), "").partition(".")[0] + "."
        if known & self.shapes.keys() or not all(key.startswith(first) for key in self.shapes):
            return self
        shapes = {key.removeprefix(first): shape for key, shape in self.shapes.items()}
        found = replace(self, shapes=shapes, prefix=self.prefix + first)
        return found if known & shapes.keys() else self


def read_weight_file(path: Path) -> WeightFile:
    """Names and shapes alone: no tensor is read where the format allows it. Raises StitchError."""
    if not path.is_file():
        raise StitchError(f"there is no checkpoint {path}", "check the path")
    if path.suffix == ".safetensors":
        return _stripped(path, _safetensors_shapes(path), ())
    loaded, inner = _state_dict(_load(path, "meta"), path)
    return _stripped(path, {key: tuple(t.shape) for key, t in loaded.items()}, inner)


def write_renamed(file: WeightFile, names: Mapping[str, str], out: Path) -> None:
    """The tensors in ``names`` (old → new) in a new file of the same format, whole or not at all;
    whatever else a .pt file holds stays in it. Raises StitchError."""
    if out.exists() and out.samefile(file.path):
        raise StitchError("--remap would write over the checkpoint", "give another path")
    if (out.suffix == ".safetensors") != file.is_safetensors:
        raise StitchError(
            f"--remap {out} has another format than {file.path.name}",
            f"give a path that ends in {file.path.suffix}",
        )
    write = _write_safetensors if file.is_safetensors else _write_pickle
    try:
        with staged(out) as beside:
            write(file, names, beside)
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise StitchError(f"cannot write {out}: {why}", "give another path") from error


def _write_safetensors(file: WeightFile, names: Mapping[str, str], out: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(file.path, framework="pt") as opened:
        tensors = {new: opened.get_tensor(file.prefix + old) for old, new in names.items()}
        save_file(tensors, out, metadata=opened.metadata())


def _write_pickle(file: WeightFile, names: Mapping[str, str], out: Path) -> None:
    whole = _load(file.path, "cpu")
    state, _ = _state_dict(whole, file.path)
    kept = {new: state[file.prefix + old] for old, new in names.items()}
    if not file.inner:
        torch.save(kept, out)
        return
    holder = whole
    for key in file.inner[:-1]:
        holder = holder[key]
    holder[file.inner[-1]] = kept
    torch.save(whole, out)


def _load(path: Path, device: str) -> Any:
    try:
        # only the zip format can be mapped; what older versions of torch wrote is read whole
        is_zip = zipfile.is_zipfile(path)
        return torch.load(path, map_location=device, weights_only=True, mmap=is_zip or None)
    except UnpicklingError as error:
        raise StitchError(
            f"{path} holds more than tensors, and is not unpickled",
            "save the state dict alone: torch.save(model.state_dict(), path)",
        ) from error
    except PermissionError as error:
        raise StitchError(f"{path} cannot be read: {error.strerror}", "check the file") from error
    except Exception as error:  # whatever a broken pickle makes of itself
        raise StitchError(
            f"{path} is no checkpoint that torch can read: it is cut short, or something else",
            "give a whole .pt or .safetensors file",
        ) from error


def _state_dict(loaded: Any, path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors of a file, and the keys under which they were found."""
    if isinstance(loaded, Mapping):
        for key in _INNER:
            if isinstance(loaded.get(key), Mapping):
                found, inner = _state_dict(loaded[key], path)
                return found, (key, *inner)
        tensors = {key: each for key, each in loaded.items() if isinstance(each, Tensor)}
        if tensors:
            return tensors, ()
    raise StitchError(f"{path} holds no state dict", "save one: torch.save(model.state_dict())")


def _safetensors_shapes(path: Path) -> dict[str, Shape]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as opened:
            keys = opened.keys()
            return {key: tuple(opened.get_slice(key).get_shape()) for key in keys}
    except (SafetensorError, OSError) as error:
        raise StitchError(f"{path} cannot be read: {error}", "is it a safetensors file?") from error


def _stripped(path: Path, shapes: Mapping[str, Shape], inner: tuple[str, ...]) -> WeightFile:
    """Without what data-parallel training or compilation put before every key."""
    prefix = ""
    while (more := _common(shapes, prefix)) is not None:
        prefix += more
    return WeightFile(path, {key[len(prefix) :]: s for key, s in shapes.items()}, prefix, inner)


def _common(shapes: Mapping[str, Shape], prefix: str) -> str | None:
    for each in _PREFIXES:
        if shapes and all(key.startswith(prefix + each) for key in shapes):
            return each
    return None
