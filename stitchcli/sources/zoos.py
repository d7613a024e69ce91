"""Networks from installed zoos: ``timm:NAME``, ``torchvision:NAME``, ``ultralytics:FILE.yaml``."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from torch import nn

from stitchcli.errors import TargetError
from stitchcli.records import TensorSpec
from stitchcli.sources.frames import guarded
from stitchcli.words.near import did_you_mean

Loaded = tuple[nn.Module, tuple[TensorSpec, ...] | None]
Build = Callable[[], Loaded]


def plan_zoo(zoo: str, name: str, arguments: Mapping[str, Any]) -> Build:
    """Import the zoo and find the network; the result builds it, with the input it is made for.

    Importing comes first because tensors that a package makes at import belong on no device but
    the default one. Raises TargetError; the result raises ModelError.
    """
    return ZOOS[zoo](name, arguments)


def import_package(package: str, install: str = "") -> Any:
    """Import an installed package. Raises TargetError that says what to install."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        top = package.partition(".")[0]
        if error.name and error.name.partition(".")[0] == top:
            raise TargetError(f"{top} is not installed", f"pip install {install or top}") from error
        raise TargetError(
            f"{package} needs {error.name}, which is not installed", f"pip install {error.name}"
        ) from error
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TargetError(
            f"{package} is installed but cannot be imported: {first}",
            "install the version that matches the installed torch",
        ) from error


def _timm(name: str, arguments: Mapping[str, Any]) -> Build:
    timm = import_package("timm")
    if not timm.is_model(name.partition(".")[0]):
        help = did_you_mean(name, timm.list_models()) or "timm.list_models() names them all"
        raise TargetError(f"timm has no network {name!r}", help)

    def build() -> Loaded:
        with guarded(f"building timm:{name}"):
            module: nn.Module = timm.create_model(name, pretrained=False, **arguments)
        shape = getattr(module, "default_cfg", {}).get("input_size")
        return module, (TensorSpec((1, *shape)),) if shape else None

    return build


def _torchvision(name: str, arguments: Mapping[str, Any]) -> Build:
    models = import_package("torchvision.models", "torchvision")
    known = models.list_models()
    if name not in known:
        help = did_you_mean(name, known) or "torchvision.models.list_models() names them all"
        raise TargetError(f"torchvision has no network {name!r}", help)
    takes = signature(models.get_model_builder(name)).parameters
    # without this, a detector's backbone would be downloaded
    backbone = {"weights_backbone": None} if "weights_backbone" in takes else {}
    transforms = models.get_model_weights(name).DEFAULT.transforms
    side = getattr(transforms, "keywords", {}).get("crop_size")
    inputs = (TensorSpec((1, 3, side, side)),) if isinstance(side, int) else None

    def build() -> Loaded:
        with guarded(f"building torchvision:{name}"):
            module: nn.Module = models.get_model(name, weights=None, **{**backbone, **arguments})
        return module, inputs

    return build


def _ultralytics(name: str, arguments: Mapping[str, Any]) -> Build:
    ultralytics = import_package("ultralytics")
    if not name.endswith((".yaml", ".yml")):
        raise TargetError(
            f"ultralytics:{name} is not a model file",
            "name a .yaml, as in ultralytics:yolov8n.yaml",
        )
    family = ultralytics.RTDETR if "rtdetr" in name else ultralytics.YOLO

    def build() -> Loaded:
        with guarded(f"building ultralytics:{name}"):
            module: nn.Module = family(name, **arguments).model
        return module, (TensorSpec((1, 3, 640, 640)),)

    return build


ZOOS: dict[str, Callable[[str, Mapping[str, Any]], Build]] = {
    "timm": _timm,
    "torchvision": _torchvision,
    "ultralytics": _ultralytics,
}
