"""The functions that answer exercises, whatever else later cells bind to their names."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

_NOTHING = object()


class OwnFunctions:
    """For each exercise the function that the student wrote, wherever in the notebook.

    It is the last one bound to the name, but never a stub, nor a function of a library's that a
    later cell imports under a name which the notebook has already written.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names
        self._bound: dict[str, Any] = {}
        """By exercise, what its name stood for when it was last looked at."""
        self._own: dict[str, Any] = {}

    def look(self, exercises: Iterable[str], stubs: Collection[str]) -> None:
        """Note what a cell that has just run has bound; `stubs` are those whose stub is in it."""
        for name in exercises:
            value = self._names.get(name, _NOTHING)
            if value is self._bound.get(name, _NOTHING):
                continue
            if name in stubs:
                value = self._names[name] = self._own.get(name, value)
            elif callable(value) and (name not in self._own or _is_of_notebook(value)):
                self._own[name] = value
            self._bound[name] = value

    def put_back(self) -> None:
        """Let each name stand for its function again: calls begin."""
        self._names.update(self._own)


def _is_of_notebook(value: Any) -> bool:
    """Say whether a function, or the class of what can be called, was written in the notebook."""
    return getattr(value, "__module__", None) == "__main__"
