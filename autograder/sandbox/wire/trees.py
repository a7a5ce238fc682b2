"""Nested containers walked in one way: the leaves of a value, and the value with others in place.

Containers are dicts, tuples and lists with their subclasses, named tuples among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any


def leaves(value: Any) -> Iterator[Any]:
    """Yield what a value holds that is no container, in order.

    >>> list(leaves({"a": 1, "b": (2, [3])}))
    [1, 2, 3]
    """
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, (tuple, list)):
        yield value
        return
    for item in value:
        yield from leaves(item)


def map_leaves(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a value of the same form with every leaf changed.

    >>> map_leaves({"a": 1, "b": (2, [3])}, float)
    {'a': 1.0, 'b': (2.0, [3.0])}
    """
    if isinstance(value, Mapping):
        return {key: map_leaves(item, change) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return sequence_like(value, (map_leaves(item, change) for item in value))
    return change(value)


def sequence_like(model: Any, items: Iterable[Any]) -> Any:
    """Return a sequence of the model's kind, tuple, list or a subclass of one, with these items.

    A subclass that cannot be made of items alone becomes what it is a subclass of.
    """
    items = list(items)
    kind = type(model)
    try:
        return kind(*items) if hasattr(kind, "_fields") else kind(items)
    except TypeError:
        return tuple(items) if isinstance(model, tuple) else items
