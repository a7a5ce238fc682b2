"""What `tests/answers/` imports: known wrong and other right answers; never shown to a student."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

__all__ = ["right", "wrong"]

Function = TypeVar("Function", bound=Callable[..., Any])

_ATTRIBUTE = "__known_answer__"


@dataclass(frozen=True)
class KnownAnswer:
    """One way in which an exercise is answered, and what calibration must see of it."""

    exercise: str
    name: str
    says: str
    caught_by: str | None
    function: Callable[..., Any]

    @property
    def is_right(self) -> bool:
        return self.caught_by is None

    @property
    def source(self) -> str:
        """The code a student would have written: the function under the exercise's name."""
        source = textwrap.dedent(inspect.getsource(self.function))
        return as_exercise(source, self.function.__name__, self.exercise)


def wrong(says: str, *, caught_by: str) -> Callable[[Function], Function]:
    """Register a misconception: "behaves like an answer that <says>", lost by `caught_by`.

    The function stays what it is.

    >>> @wrong("divides by N instead of N - 1", caught_by="test_unbiased")
    ... def variance__ddof_0(x):
    ...     return sum((value - sum(x) / len(x)) ** 2 for value in x) / len(x)
    >>> variance__ddof_0([1.0, 3.0])
    1.0
    """
    return _registering(says, caught_by)


def right(says: str) -> Callable[[Function], Function]:
    """Register another right answer, which must get full marks.

    >>> @right("by the standard library")
    ... def variance__statistics(x):
    ...     import statistics
    ...     return statistics.variance(x)
    >>> variance__statistics([1.0, 3.0])
    2.0
    >>> @right("has no name of its own")
    ... def variance(x): ...
    Traceback (most recent call last):
    ValueError: variance: name a known answer <exercise>__<answer>
    """
    return _registering(says, None)


def _registering(says: str, caught_by: str | None) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        names = exercise_and_name(function.__name__)
        if names is None:
            raise ValueError(f"{function.__name__}: name a known answer <exercise>__<answer>")
        exercise, name = names
        setattr(function, _ATTRIBUTE, KnownAnswer(exercise, name, says, caught_by, function))
        return function

    return register


def exercise_and_name(function: str) -> tuple[str, str] | None:
    """Return whose answer a function of `tests/answers/` is, and which; None where it is none.

    >>> exercise_and_name("kl_standard__no_half")
    ('kl_standard', 'no_half')
    >>> exercise_and_name("_helper")
    """
    exercise, _, name = function.partition("__")
    return (exercise, name) if exercise and name else None


def as_exercise(source: str, function: str, exercise: str) -> str:
    """Return a known answer's code without its decorators, under the exercise's name."""
    definition = re.search(r"^def ", source, re.MULTILINE)
    assert definition is not None, function
    return source[definition.start() :].replace(function, exercise)


def known_answers(module: ModuleType) -> list[KnownAnswer]:
    """Return the known answers of a module of `tests/answers/`, in the order of its text."""
    return [
        getattr(value, _ATTRIBUTE) for value in vars(module).values() if hasattr(value, _ATTRIBUTE)
    ]
