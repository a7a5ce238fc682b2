"""Right numbers are right in any container that `np.asarray` takes, and nothing else is."""

from __future__ import annotations

import collections
import time
import tracemalloc
import warnings
from array import array
from fractions import Fraction

import numpy as np
import pytest
import torch

from autograder.judge.contract import conform
from autograder.sandbox.host.failures import ContractViolation
from autograder.sandbox.wire.results_out import Decoder, Encoder, Opaque

ROW = [1.5, 2.5, 3.5]
TABLE = [[1.5, 2.5], [3.5, 4.5], [5.5, 6.5]]
LONG = [float(number) for number in range(20_000)]
MASK = np.ma.masked_array(ROW, mask=[False] * 3)


class Named(torch.Tensor):
    pass


def quietly(make):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


def object_array(values):
    held = np.empty(np.shape(values), dtype=object)
    held[...] = np.asarray(values, dtype=object)
    return held


def through_the_wall(value):
    """Return what the judge decodes of a value, and the tensors that gradients are had of."""
    encoder = Encoder()
    node = encoder.node(value)
    decoder = Decoder(encoder.block())
    decoded = decoder.value(node)
    decoder.finish()
    return decoded, encoder.tensors


RIGHT = {
    "a list of numpy's numbers": ([np.float64(one) for one in ROW], ROW),
    "a list of float32": ([np.float32(one) for one in ROW], ROW),
    "a list of 0-d arrays": ([np.array(one) for one in ROW], ROW),
    "a list of 0-d tensors": ([torch.tensor(one) for one in ROW], ROW),
    "a tuple of floats": (tuple(ROW), ROW),
    "integers among floats": ([1.5, np.float64(2.5), 3], [1.5, 2.5, 3.0]),
    "tensors among floats": ([1.5, torch.tensor(2.5), np.float32(3.5)], ROW),
    "a list of lists": (TABLE, TABLE),
    "a tuple of tuples": (tuple(map(tuple, TABLE)), TABLE),
    "a list of arrays": ([np.array(row) for row in TABLE], TABLE),
    "a list of tensors": ([torch.tensor(row) for row in TABLE], TABLE),
    "rows of several kinds": ([TABLE[0], tuple(TABLE[1]), np.array(TABLE[2])], TABLE),
    "long double": (np.array(TABLE, dtype=np.longdouble), TABLE),
    "one long double": (np.longdouble(1.5), 1.5),
    "long doubles in a list": ([np.longdouble(one) for one in ROW], ROW),
    "objects": (object_array(TABLE), TABLE),
    "one object": (object_array(1.5), 1.5),
    "a matrix": (quietly(lambda: np.asmatrix(TABLE)), TABLE),
    "rows of a matrix": (list(np.array(TABLE)), TABLE),
    "nothing masked": (MASK, ROW),
    "20,000 floats": (LONG, LONG),
    "20,000 numpy numbers": ([np.float64(one) for one in LONG], LONG),
    "20,000 tensors": ([torch.tensor(one, dtype=torch.float64) for one in LONG], LONG),
    "a tuple of 20,000": (tuple(LONG), LONG),
    "20,000 rows": ([[one, 0.5] for one in LONG], [[one, 0.5] for one in LONG]),
    "20,000 arrays": ([np.array([one, 0.5]) for one in LONG], [[one, 0.5] for one in LONG]),
    "three long rows": ([LONG, LONG, LONG], [LONG, LONG, LONG]),
    "nested more than once": ([[[0.5] * 30] * 30] * 30, np.full((30, 30, 30), 0.5)),
    "a range": (range(5), [0, 1, 2, 3, 4]),
    "a long range": (range(100_000), np.arange(100_000)),
    "an array of Python's": (array("d", ROW), ROW),
    "a memoryview": (memoryview(np.array(TABLE)), TABLE),
    "a deque": (collections.deque(ROW), ROW),
    "a deque of rows": (collections.deque(map(np.array, TABLE)), TABLE),
    "a user's list": (collections.UserList(ROW), ROW),
    "fractions": ([Fraction(3, 2), Fraction(5, 2), 3.5], ROW),
    "a fraction": (Fraction(3, 2), 1.5),
    "a parameter": (torch.nn.Parameter(torch.tensor(ROW)), ROW),
    "parameters in a list": ([torch.nn.Parameter(torch.tensor(one)) for one in ROW], ROW),
    "a subclass of tensors": (torch.tensor(ROW).as_subclass(Named), ROW),
    "half precision": (torch.tensor(ROW, dtype=torch.bfloat16), ROW),
    "sparse": (quietly(lambda: torch.tensor(TABLE).to_sparse_csr()), TABLE),
    "other bytes first": (np.array(ROW, dtype=">f8"), ROW),
    "nothing": ([], np.zeros(0)),
    "rows of nothing": ([[], []], np.zeros((2, 0))),
    "whole numbers": ([1, 2, 3], np.array([1, 2, 3])),
    "whole numpy numbers": ([np.int32(1), np.int64(2)], np.array([1, 2])),
    "truth": ([np.True_, False], np.array([True, False])),
    "an array for a tuple of rows": (np.array(TABLE), tuple(map(np.array, TABLE))),
    "a tensor for a list of tensors": (torch.tensor(ROW), [torch.tensor(one) for one in ROW]),
    "numpy's text": (np.str_("kl"), "kl"),
    "many results": ([np.array(one) for one in LONG[:100]], LONG[:100]),
}
KINDS = {
    "numpy": np.asarray,
    "torch": lambda value: torch.as_tensor(np.asarray(value)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", RIGHT)
def test_right_numbers_are_right_in_any_container(name, kind):
    value, numbers = RIGHT[name]
    plain = not isinstance(numbers, (str, tuple)) and not name.startswith(("a tensor for", "many"))
    expected = KINDS[kind](numbers) if plain else numbers
    taken = conform("f", through_the_wall(value)[0], expected)
    assert type(taken) is type(expected)
    for one, other in zip(*map(_as_list, (taken, expected)), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def _as_list(value):
    return value if isinstance(value, (list, tuple)) else [value]


WRONG = {
    "a column": ([[one] for one in ROW], np.array(ROW), "a list of shape (3, 1); expected shape"),
    "a row of a matrix": (
        quietly(lambda: np.asmatrix(ROW)),
        np.array(ROW),
        "shape (1, 3); expected shape (3,)",
    ),
    "the transpose": (list(zip(*TABLE, strict=True)), np.array(TABLE), "a list of shape (2, 3)"),
    "ragged": ([[1.5, 2.5], [3.5]], np.zeros((2, 2)), "a list of 2 that differ in shape; expected"),
    "ragged and long": ([[1.5]] * 99 + [[]], np.zeros((100, 1)), "a list of 100 that differ in"),
    "one too few": (ROW[:2], np.array(ROW), "a list of 2; expected shape (3,)"),
    "a list for a number": ([1.5], 1.5, "a list of 1; expected a single number"),
    "a number in a tuple": ((1.5,), 1.5, "1 results; expected a single number"),
    "complex": ([1.5, 2j], np.zeros(2), "a list of 2; expected shape (2,)"),
    "100 complex": ([1.5, 2j] * 50, np.zeros(100), "a list of 100; expected shape (100,)"),
    "texts": (["1.5", "2.5"], np.zeros(2), "a list of 2; expected shape (2,)"),
    "100 texts": (["1.5"] * 100, np.zeros(100), "a list of 100; expected shape (100,)"),
    "None among them": ([1.5, None], np.zeros(2), "a list of 2; expected shape (2,)"),
    "a hundred of None": ([None] * 100, np.zeros(100), "a list of 100; expected shape (100,)"),
    "a dict": ({0: 1.5, 1: 2.5}, np.zeros(2), "a dict; expected shape (2,)"),
    "a dict's values": ({0: 1.5}.values(), np.zeros(1), "a dict_values; expected shape (1,)"),
    "a map": (map(float, ROW), np.zeros(3), "a map; expected shape (3,)"),
    "a generator": ((one for one in ROW), np.zeros(3), "a generator; expected shape (3,)"),
    "a set": ({1.5, 2.5}, np.zeros(2), "a set; expected shape (2,)"),
    "None": (None, np.zeros(3), "None; expected shape (3,)"),
    "booleans": ([True] * 100, np.zeros(100), "boolean numbers; expected floating numbers"),
    "fractions of a whole": (ROW, np.array([1, 2, 3]), "floating numbers; expected integer"),
    "nan": ([1.5, float("nan")], np.zeros(2), "nan or inf; expected finite numbers"),
    "nan in rows": ([[1.5], [float("inf")]], np.zeros((2, 1)), "nan or inf; expected finite"),
    "long double beyond": (np.longdouble("1e4000"), 1.5, "nan or inf; expected finite numbers"),
    "objects that are none": (object_array(["a", "b"]), np.zeros(2), "an array of object (2)"),
    "an array in an object": (np.array([None, ROW], dtype=object), np.zeros(2), "an array of obj"),
    "rows of another shape for a tuple": (
        np.zeros((2, 3)),
        (np.zeros(3), np.zeros(2)),
        "shape (2, 3); expected 2 results",
    ),
    "a function": (len, np.zeros(2), "a builtin_function_or_method; expected shape (2,)"),
    "bytes": (b"ab", np.zeros(2), "a bytes; expected shape (2,)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_makes_no_such_array_is_refused_in_words(name):
    value, expected, said = WRONG[name]
    with np.errstate(over="ignore"), pytest.raises(ContractViolation) as caught:
        conform("f", through_the_wall(value)[0], expected)
    assert caught.value.message.startswith(f"`f` returned {said}")


@pytest.mark.parametrize("value", [None, 1.5, ROW, "done", {"a": len}, len, [object()], np.ones(3)])
def test_where_nothing_is_expected_nothing_is_looked_at(value):
    assert conform("f", through_the_wall(value)[0], None) is None


@pytest.mark.parametrize("count", [3, 100])
def test_rows_keep_their_gradient(count):
    x = torch.arange(float(count), requires_grad=True)
    decoded, graphs = through_the_wall([one**2 for one in x])
    assert len(graphs) == (count if count < 64 else 1)
    wanted = (x**2).clone()
    with pytest.raises(ContractViolation, match="cannot be differentiated"):
        conform("f", decoded, wanted)
    # As `Answer` puts them into the judge's graph.
    attached = (
        [one.requires_grad_() for one in decoded]
        if isinstance(decoded, list)
        else decoded.requires_grad_()
    )
    assert conform("f", attached, wanted).requires_grad
    (gradient,) = torch.autograd.grad(sum(one.sum() for one in graphs), x)
    assert gradient.tolist() == (2 * x).tolist()


def test_a_million_numbers_are_one_array():
    flat, numpys = [0.5] * 1_000_000, [np.float64(0.5)] * 1_000_000
    for value in (flat, numpys, [[0.5] * 1000] * 1000, [(0.5, 1)] * 500_000):
        began = time.perf_counter()
        encoder = Encoder()
        assert encoder.node(value)["kind"] == "array"
        assert time.perf_counter() - began < 10
        assert encoder.block().count(b"dtype") == 1


def test_a_long_text_among_numbers_makes_no_long_array():
    rows = [[0.5, 1.5]] * 5000 + [[0.5, "x" * 20_000]]
    tracemalloc.start()
    for value in (rows, [*rows[0] * 5000, "x" * 20_000]):
        with pytest.raises(ContractViolation):
            conform("f", value, np.zeros((5001, 2)))
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_what_holds_itself_is_no_array():
    endless = [0.5] * 100
    endless.append(endless)
    assert through_the_wall(endless)[0] == Opaque("a very large or deeply nested result")


def test_few_parts_stay_what_they_are():
    """Two numbers are two results: an integer stays one, and each keeps its own graph."""
    x = torch.ones(2, requires_grad=True)
    decoded, graphs = through_the_wall((3, 0.5, x * 2, x.detach()))
    assert [*map(type, decoded)][:2] == [int, float]
    assert len(graphs) == 1
