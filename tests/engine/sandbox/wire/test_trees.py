"""Nested containers of every kind are walked alike, and come back as what they were."""

import collections
import typing

import pytest
import torch

from autograder.sandbox.wire.trees import leaves, map_leaves, sequence_like

Point = collections.namedtuple("Point", "x y")


class Pair(typing.NamedTuple):
    mean: float
    spread: float


class Words(list):
    """A list with a name of its own."""


class Odd(tuple):
    """A tuple that is not made of its items alone."""

    __slots__ = ()

    def __new__(cls, items, note):
        return super().__new__(cls, items)


VALUES = {
    "a dict": {"a": 1, "b": 2},
    "an ordered dict": collections.OrderedDict(a=1, b=2),
    "a list": [1, 2],
    "a tuple": (1, 2),
    "a named tuple": Point(1, 2),
    "a typed named tuple": Pair(1, 2),
    "a subclass of list": Words([1, 2]),
    "containers in one another": ([{"a": Point(1, 2)}],),
}


@pytest.mark.parametrize("name", VALUES)
def test_leaves_come_in_order_and_the_form_stays(name):
    value = VALUES[name]
    assert list(leaves(value)) == [1, 2]
    doubled = map_leaves(value, lambda one: 2 * one)
    assert list(leaves(doubled)) == [2, 4]
    assert map_leaves(doubled, lambda one: one // 2) == value


@pytest.mark.parametrize("model", [Point(0, 0), Pair(0, 0), Words([0, 0])])
def test_a_subclass_stays_one(model):
    assert type(map_leaves(model, float)) is type(model)


def test_torchs_own_named_results_stay_what_they_are():
    values = torch.linalg.eigh(torch.eye(2))
    mapped = map_leaves(values, lambda one: 2 * one)
    assert torch.equal(mapped.eigenvalues, 2 * torch.ones(2))


def test_what_cannot_be_made_of_items_alone_becomes_its_plain_kind():
    assert sequence_like(Odd([1, 2], "note"), [3, 4]) == (3, 4)


@pytest.mark.parametrize("leaf", ["text", b"bytes", 3, None, torch.ones(2), {1, 2}])
def test_everything_else_is_a_leaf(leaf):
    assert [one is leaf for one in leaves(leaf)] == [True]
