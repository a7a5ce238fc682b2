"""Functions of hidden tests in the box: they do what they did, and tell nothing of themselves."""

import enum
import gc
import sys
from types import CodeType, FunctionType, ModuleType

import cloudpickle
import numpy as np
import pytest
import torch

from autograder.sandbox.wire.arguments_in import pack, unpack

SECRET_FILE = "/course/tests/hidden/test_a99_secret.py"
SOURCE = '''
"""The hidden tests of a secret."""
import enum
import torch
SCALE = 3.0

def scaled(x: "a secret annotation") -> "secret":
    """Multiply, as test_secret wants it."""
    def by_scale(y):
        """The secret is SCALE."""
        return SCALE * y
    return by_scale(x)

def counts():
    n = 0
    def count(x):
        nonlocal n
        n += 1
        return n * x
    return count

class SecretNetwork(torch.nn.Module):
    """The critic of test_secret."""
    steps: "secret" = 2
    def __init__(self):
        """Of the secret test."""
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)
    def forward(self, x):
        class SecretWithin:
            """Within test_secret."""
            number = 1
        return self.layer(x) * SecretWithin().number * self.steps

class SecretKind(enum.Enum):
    """Kinds of the secret."""
    ONE = 1
    TWO = 2

class Test_secret:
    def test_secret_values(self, answer):
        half = lambda x: scaled(x) / 2
        return half
'''


@pytest.fixture
def hidden():
    """A module that stands for a file of hidden tests, which travels by value."""
    module = ModuleType("hidden.test_a99_secret")
    module.__file__, module.__package__ = SECRET_FILE, "hidden"
    sys.modules[module.__name__] = module
    exec(compile(SOURCE, SECRET_FILE, "exec"), vars(module))
    cloudpickle.register_pickle_by_value(module)
    yield module
    cloudpickle.unregister_pickle_by_value(module)
    del sys.modules[module.__name__]


def sent(value):
    return unpack(pack(value).block, lambda _: None).value


def texts_reachable_from(value):
    """Every text that code in the box could come to from a value, by any attribute or reference."""
    found, seen, todo = set(), set(), [value]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, (ModuleType, np.ndarray)):
            continue
        seen.add(id(one))
        if isinstance(one, str):
            found.add(one)
        elif isinstance(one, CodeType):
            todo += [getattr(one, name) for name in dir(one) if name.startswith("co_")]
        elif isinstance(one, FunctionType):
            if one.__module__ != "probe":
                continue
            names = ("__code__", "__globals__", "__closure__", "__dict__", "__doc__", "__module__")
            names += ("__name__", "__qualname__", "__annotations__", "__defaults__")
            todo += [getattr(one, name) for name in names]
        elif isinstance(one, type):
            if one.__module__ == "probe":
                todo += [*vars(one).items(), one.__qualname__, one.__name__, one.__module__]
        elif not isinstance(one, (torch.Tensor, int, float, bytes)):
            todo += [type(one), *gc.get_referents(one)]
    return found


def probes(hidden):
    return {
        "a function": hidden.scaled,
        "a lambda": hidden.Test_secret().test_secret_values(None),
        "a closure": hidden.counts(),
        "a network": hidden.SecretNetwork(),
        "a class": hidden.SecretNetwork,
        "a method": hidden.SecretNetwork().forward,
        "a member of an enumeration": hidden.SecretKind.ONE,
        "a list of them": [hidden.scaled, hidden.counts()],
    }


NAMES = [
    *("a function", "a lambda", "a closure", "a network", "a class", "a method"),
    *("a member of an enumeration", "a list of them"),
]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_probe_tells_where_it_comes_from(hidden, name):
    told = texts_reachable_from(sent(probes(hidden)[name]))
    assert told
    assert {text for text in told if "secret" in text.lower() and text != "SecretWithin"} == set()
    assert {text for text in told if "test_" in text or "hidden" in text} == set()


def test_probes_do_what_they_did(hidden):
    scaled, half, count, network = sent(
        (
            hidden.scaled,
            hidden.Test_secret().test_secret_values(None),
            hidden.counts(),
            hidden.SecretNetwork(),
        )
    )
    assert (scaled(2.0), half(2.0)) == (6.0, 3.0)
    assert [count(1), count(1)] == [1, 2]
    assert network(torch.ones(1, 2)).shape == (1, 1)
    assert scaled.__globals__ is half.__globals__


def test_a_member_of_an_enumeration_is_still_one(hidden):
    member = sent(hidden.SecretKind.TWO)
    assert isinstance(member, enum.Enum)
    assert (member.name, member.value) == ("TWO", 2)


def test_an_error_within_a_probe_still_has_its_traceback(hidden):
    scaled = sent(hidden.scaled)
    with pytest.raises(TypeError) as caught:
        scaled(None)
    assert [entry.name for entry in caught.traceback][-2:] == ["probe", "probe"]


def test_what_is_imported_there_is_imported_there():
    assert sent(np.sum) is np.sum
    assert sent(torch.nn.Linear) is torch.nn.Linear
