"""What a name of a library stands for, and whether a function that uses it can remember by it.

Looked up here, in what the judge has imported itself; nothing is imported for a student's code.
"""

from __future__ import annotations

import sys
from types import (
    BuiltinFunctionType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

MODULES = frozenset(
    {"__future__", "abc", "collections", "copy", "dataclasses", "functools", "itertools"}
    | {"math", "matplotlib", "numpy", "operator", "scipy", "torch", "typing"}
)
# Parts of them that write files, keep what they compile, or pictures, or reach other processes.
_REFUSED_PARTS = (
    *("matplotlib", "mpl_toolkits", "scipy.datasets", "scipy.io"),
    *("numpy.core", "numpy.ctypeslib", "numpy.f2py", "numpy.lib", "numpy.testing"),
    *("torch.backends", "torch.compiler", "torch.cuda", "torch.distributed", "torch.fx"),
    *("torch.futures", "torch.hub", "torch.jit", "torch.library", "torch.multiprocessing"),
    *("torch.onnx", "torch.ops", "torch.overrides", "torch.package", "torch.profiler"),
    *("torch.serialization", "torch.utils"),
)
_ONLY = {
    "functools": {"partial", "reduce"},
    "operator": {"add", "itemgetter", "matmul", "mul", "neg", "sub", "truediv"},
    "abc": {"ABC", "abstractmethod"},
    "copy": {"copy", "deepcopy"},
}
_FILES = {"fromfile", "load", "loadtxt", "memmap", "from_file", "DataSource", "compile"}
_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType, type)
_NUMPY_KINDS = {"ufunc", "_ArrayFunctionDispatcher", "cython_function_or_method"}
# What is written with brackets: np.r_, np.s_ and the like.
_NUMPY_KINDS |= {"IndexExpression", "RClass", "CClass", "MGridClass", "OGridClass"}
_TORCH_KINDS = {"dtype", "layout", "device", "memory_format"}


def resolve(name: str) -> Any:
    """Return what a dotted name stands for; raise ValueError where that is unknown or refused."""
    parts = name.split(".")
    count = next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in sys.modules), 0)
    if not count or parts[0] not in MODULES:
        raise ValueError(name)
    found: Any = sys.modules[".".join(parts[:count])]
    _check_module(found)
    for part in parts[count:]:
        if isinstance(found, ModuleType) and f"{found.__name__}.{part}" in sys.modules:
            found = sys.modules[f"{found.__name__}.{part}"]
        elif part in _FILES or not hasattr(found, part):
            raise ValueError(name)
        else:
            found = getattr(found, part)
        _check_module(found)
    only = _ONLY.get(parts[0])
    if only is not None and (len(parts) != 2 or parts[1] not in only):
        raise ValueError(name)
    return found


def _check_module(found: Any) -> None:
    if isinstance(found, ModuleType) and _is_refused(found.__name__):
        raise ValueError(found.__name__)


def _is_refused(module: str) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in _REFUSED_PARTS)


def may_be_called(found: Any) -> bool:
    """Say whether a function may call this: a function, a class, or what is made to be called."""
    return callable(found) and may_be_held(found)


def may_be_held(found: Any) -> bool:
    """Say whether this may be a value of a function: what no call can change, and no module."""
    if isinstance(found, (MethodType, BuiltinFunctionType)):
        # Of a module, a law, a ufunc, or numpy's one generator, which each call seeds anew.
        owner = found.__self__
        known = owner is None or isinstance(owner, (ModuleType, type)) or _is_law(owner)
        return known or type(owner).__name__ in ("RandomState", "ufunc")
    kind = type(found)
    if isinstance(found, tuple) and kind is tuple:
        return all(map(may_be_held, found))
    return (
        isinstance(found, (*_FUNCTIONS, *_PLAIN))
        or kind.__name__ in _NUMPY_KINDS
        or (kind.__module__ == "torch" and kind.__name__ in _TORCH_KINDS)
        or _is_law(found)
    )


def _is_law(found: Any) -> bool:
    return type(found).__module__.startswith("scipy.stats.")
