"""Canonical names of the functions that a forward calls.

``torch.cat``, ``torch.concat`` and ``torch.concatenate`` are one op, as are ``+``, ``+=`` and
``torch.add``; reading ``x.shape`` is none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

_SAME = {
    "concat": "cat", "concatenate": "cat",
    "__add__": "add", "__radd__": "add", "__iadd__": "add", "add_": "add",
    "__sub__": "sub", "__rsub__": "sub", "__isub__": "sub", "sub_": "sub", "subtract": "sub",
    "rsub": "sub",
    "__mul__": "mul", "__rmul__": "mul", "__imul__": "mul", "mul_": "mul", "multiply": "mul",
    "__truediv__": "div", "__rtruediv__": "div", "__itruediv__": "div", "div_": "div",
    "divide": "div", "true_divide": "div", "__rdiv__": "div", "__idiv__": "div", "__div__": "div",
    "__matmul__": "matmul", "__rmatmul__": "matmul", "__imatmul__": "matmul",
    "__getitem__": "getitem", "__setitem__": "setitem", "relu_": "relu", "__pow__": "pow",
    "max_pool1d_with_indices": "max_pool1d", "max_pool2d_with_indices": "max_pool2d",
    "max_pool3d_with_indices": "max_pool3d", "upsample": "interpolate",
    "upsample_nearest": "interpolate", "upsample_bilinear": "interpolate",
}  # fmt: skip

_QUIET = frozenset(
    """
    __get__ __set__ __delete__ size dim ndimension numel nelement stride storage_offset
    is_contiguous is_floating_point is_complex is_signed is_pinned element_size get_device
    data_ptr item tolist numpy __len__ __bool__ __int__ __float__ __index__ __repr__ __str__
    __format__ __hash__ __dir__ __contains__ __reduce_ex__ __deepcopy__ __array__ is_inference
    is_same_size is_nonzero allclose equal has_names register_hook is_tensor is_storage
    requires_grad_ is_shared untyped_storage storage result_type
    """.split()
)


@lru_cache(maxsize=4096)
def name_of(func: Callable[..., Any]) -> str | None:
    """Canonical name of a function seen by a TorchFunctionMode; None for one that only asks."""
    name: str = getattr(func, "__name__", "") or type(func).__name__
    if name in _QUIET:
        return None
    name = _SAME.get(name, name)
    return name.lstrip("_") if not name.startswith("__") else name.strip("_")


def same_op(name: str, op: str) -> bool:
    """Whether a function or method of this name is the op: ``concat`` is ``cat``."""
    return _SAME.get(name, name).lstrip("_") == op
