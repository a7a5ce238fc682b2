"""Functions and classes of hidden tests on their way into the box, without where they come from.

A pickle by value keeps a function's file, its line, its documentation, and the names of the test it
was made in. What remains is what it does: its code, and the names that the code itself uses.
"""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

_NAME = "probe"
# Only what a class or a function is known by; none of them decides what it does.
_TELLING = ("__doc__", "__firstlineno__", "__annotations__", "__annotate__", "pytestmark")
_HAS_DOCSTRING = 0x4000000


def neutral(value: Any, reduced: Any) -> Any:
    """Return how to pickle a function or a class, as cloudpickle has it, with neutral names."""
    if not isinstance(reduced, tuple) or len(reduced) != 6:
        # By reference, or of another kind: what stands in a module of the box.
        return reduced
    make, arguments, state, *rest = reduced
    if isinstance(value, FunctionType):
        return (make, _neutral_function(arguments), _without_traces(state), *rest)
    return (make, _neutral_class(arguments), _without_traces(state), *rest)


def _neutral_function(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    code, module, *rest = arguments
    # One dictionary for all functions of a module, which share their globals in the box.
    for name in ("__package__", "__path__", "__file__"):
        module.pop(name, None)
    module["__name__"] = _NAME
    return (neutral_code(code), module, *rest)


def _neutral_class(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Also without the number by which cloudpickle would know the class again.

    It is another one in each process, and would make a copy in the judge the test's own class.
    """
    if isinstance(arguments[2], str):
        # An enumeration.
        bases, _, _, members, _, _, extra = arguments
        return bases, _NAME, _NAME, members, _NAME, None, extra
    kind, _, bases, attributes, _, extra = arguments
    return kind, _NAME, bases, {**attributes, "__module__": _NAME}, None, extra


def _without_traces(state: Any) -> Any:
    attributes, slots = state
    return _cleaned(attributes), _cleaned(slots)


def _cleaned(attributes: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in attributes.items() if key not in _TELLING}
    for name in ("__name__", "__qualname__", "__module__"):
        if name in kept:
            kept[name] = _NAME
    return kept


def neutral_code(code: CodeType) -> CodeType:
    """Return the same code, and that of all functions within it, as one of no file and no name."""
    constants = [neutral_code(one) if isinstance(one, CodeType) else one for one in code.co_consts]
    for place in _words_about_itself(code):
        constants[place] = _NAME
    return code.replace(
        co_filename="", co_name=_NAME, co_qualname=_NAME, co_firstlineno=1, co_consts=(*constants,)
    )


def _words_about_itself(code: CodeType) -> Iterator[int]:
    """Yield which constants are a function's documentation, or a class's and its full name."""
    if not code.co_flags & inspect.CO_OPTIMIZED:
        before = None
        for step in dis.get_instructions(code):
            told = step.opname == "STORE_NAME" and step.argval in ("__doc__", "__qualname__")
            if told and before is not None and before.opname == "LOAD_CONST":
                yield before.arg or 0
            before = step
    elif code.co_consts and isinstance(code.co_consts[0], str) and _has_documentation(code):
        yield 0


def _has_documentation(code: CodeType) -> bool:
    if sys.version_info >= (3, 13):
        return bool(code.co_flags & _HAS_DOCSTRING)
    # Before, a function without it has None there; what has no name never has any.
    return not code.co_name.startswith("<")
