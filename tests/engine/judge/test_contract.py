"""The contract: which results are accepted as the reference's kind, and what is said of others."""

import math
import tracemalloc
from typing import NamedTuple

import numpy as np
import pytest
import torch

from autograder.judge.contract import conform, describe
from autograder.sandbox.host.failures import ContractViolation
from autograder.sandbox.memory import MemoryRanOut
from autograder.sandbox.wire.arrays import SUPPORTED_DTYPES
from autograder.sandbox.wire.results_out import Opaque

F32, F64 = torch.float32, torch.float64
ROW = np.array([1.0, 2.0])

ACCEPTED = {
    "numpy for torch": (ROW, torch.zeros(2, dtype=F64)),
    "torch for numpy": (torch.ones(2), np.zeros(2)),
    "float32 for float64": (torch.ones(2, dtype=F32), torch.zeros(2, dtype=F64)),
    "float64 for float32": (ROW, np.zeros(2, dtype=np.float32)),
    "a number for a 0-d tensor": (1.5, torch.tensor(0.0)),
    "a 0-d tensor for a number": (torch.tensor(1.5), 0.0),
    "a 0-d array for a number": (np.array(1.5), 0.0),
    "an integer for a float": (3, 0.0),
    "integers for floats": (np.array([1, 2]), np.zeros(2)),
    "a whole float for an integer": (3.0, 1),
    "whole floats for integers": (ROW, np.zeros(2, dtype=np.int64)),
    "1 for True": (1, True),
    "0 and 1 for booleans": (np.array([0.0, 1.0]), np.array([True, False])),
    "a list for a tuple": ([1.0, 2.0], (0.0, 0.0)),
    "a tuple for a list": ((1.0, 2.0), [0.0, 0.0]),
    "a list of numbers for an array": ([1, 2.5], np.zeros(2)),
    "a list of booleans for an array": ([True, False], np.array([True, True])),
    "a dict in another order": ({"b": 1.0, "a": ROW}, {"a": np.zeros(2), "b": 0.0}),
    "an array for numbers": (np.ones(3, dtype=np.float32), (1.0, 2.0, 3.0)),
    "nested": ((ROW, {"a": [1]}), (np.zeros(2), {"a": [0.0]})),
    "text": ("kl", "mse"),
    "None": (None, None),
    "nan where the reference has it": (np.array([np.nan, 1]), np.array([np.nan, 0])),
    "an empty array": (np.zeros((0, 3)), torch.zeros(0, 3)),
    "a very large integer for a float": (10**30, 0.0),
    "a very large integer for a tensor": (10**30, torch.tensor(0.0, dtype=F64)),
    "very large integers for floats": ([10**30, 1], np.zeros(2)),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_result_of_another_kind_is_taken_as_the_references(name):
    value, expected = ACCEPTED[name]
    assert_kinds_agree(conform("f", value, expected), expected)


def assert_kinds_agree(value, expected):
    if isinstance(expected, (tuple, list)):
        assert type(value) is type(expected)
        for one, other in zip(value, expected, strict=True):
            assert_kinds_agree(one, other)
    elif isinstance(expected, dict):
        assert list(value) == list(expected)
        for key in expected:
            assert_kinds_agree(value[key], expected[key])
    else:
        assert type(value) is type(expected)
        assert getattr(value, "dtype", None) == getattr(expected, "dtype", None)


def test_values_are_kept():
    assert conform("f", [1, 2.5], np.zeros(2)).tolist() == [1.0, 2.5]
    assert conform("f", 10**30, 0.0) == 1e30
    assert conform("f", 2**62 + 1, 0) == 2**62 + 1


REFUSED = {
    "shape": (np.zeros((8, 2)), np.zeros(8), "shape (8, 2); expected shape (8,)"),
    "a number for an array": (1.0, np.zeros(3), "a single number; expected shape (3,)"),
    "an array for a number": (np.zeros(3), 1.0, "shape (3,); expected a single number"),
    "(1,) for a number": (np.zeros(1), 1.0, "shape (1,); expected a single number"),
    "None": (None, np.zeros(3), "None; expected shape (3,)"),
    "None for a number": (None, 1.0, "None; expected a number"),
    "something for None among others": (
        (ROW, 1.0),
        (ROW, None),
        "a number for result 2; expected None",
    ),
    "text for a number": ("1.0", 1.0, "a text; expected a number"),
    "a number for text": (1.0, "kl", "a number; expected a text"),
    "too few results": ((1.0,), (1.0, 2.0), "1 results; expected 2 results"),
    "too many results": ((1.0, 2.0, 3.0), (1.0, 2.0), "3 results; expected 2 results"),
    "one result for two": (ROW, (ROW, ROW), "shape (2,); expected 2 results"),
    "two results for one": ((ROW, ROW), ROW, "2 results; expected shape (2,)"),
    "wrong second result": (
        (1.0, ROW),
        (1.0, np.zeros(3)),
        "shape (2,) for result 2; expected shape (3,)",
    ),
    "wrong entry of a dict": ({"mu": ROW}, {"mu": 1.0}, "shape (2,) for `mu`; expected a single"),
    "wrong keys": ({"mu": 1.0}, {"mu": 1.0, "var": 1.0}, "the keys mu; expected the keys mu, var"),
    "no keys": ({}, {"mu": 1.0}, "the keys (none); expected the keys mu"),
    "no dict": (1.0, {"mu": 1.0}, "a number; expected a dict with the keys mu"),
    "nan": (float("nan"), 1.0, "nan or inf; expected finite numbers"),
    "inf in an array": (np.array([np.inf, 1]), ROW, "nan or inf; expected finite numbers"),
    "inf for an integer": (float("inf"), 1, "nan or inf; expected finite numbers"),
    "nan in a tensor": (torch.tensor([np.nan, 1]), ROW, "nan or inf; expected finite numbers"),
    "a fraction for an integer": (1.5, 1, "floating numbers; expected integer numbers"),
    "booleans for floats": (np.array([True, False]), ROW, "boolean numbers; expected floating"),
    "2 for a boolean": (2, True, "integer numbers; expected boolean numbers"),
    "a generator": (Opaque("a generator"), ROW, "a generator; expected shape (2,)"),
    "complex": (
        Opaque("an array of complex128 (2)"),
        ROW,
        "an array of complex128 (2); expected shape (2,)",
    ),
    "an array of text": ([1.0, "a"], ROW, "a list of 2; expected shape (2,)"),
    "an empty list": ([], ROW, "a list of 0; expected shape (2,)"),
    "a dict for an array": ({"a": 1}, ROW, "a dict; expected shape (2,)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_result_of_another_structure_is_refused_in_words(name):
    value, expected, said = REFUSED[name]
    with pytest.raises(ContractViolation) as caught:
        conform("kl_standard", value, expected)
    assert caught.value.message.startswith(f"`kl_standard` returned {said}")
    assert caught.value.message.endswith(".")


CUT = {
    "detached": torch.ones(2),
    "numpy": ROW,
    "a number": 1.0,
    "in a tuple": (torch.ones(2), torch.ones(2)),
    "None": None,
}


@pytest.mark.parametrize("name", CUT)
def test_a_result_that_lost_its_gradient_is_refused_in_words(name):
    carrying = torch.ones(2, requires_grad=True) * 2
    with pytest.raises(ContractViolation, match="`f` returned a result that cannot be different"):
        conform("f", CUT[name], carrying)


def test_one_of_several_results_may_be_without_a_gradient():
    x = torch.ones(2, requires_grad=True)
    value, expected = (x * 3, torch.ones(2)), (x * 2, torch.ones(2))
    assert conform("f", value, expected)[0].requires_grad


def test_a_cast_keeps_the_gradient():
    x = torch.ones(2, dtype=F32, requires_grad=True)
    conform("f", x * 3, (x * 2).to(F64)).sum().backward()
    assert x.grad.tolist() == [3, 3]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Opaque("a module"), "a module"),
        (True, "a bool"),
        ((1, 2), "2 results"),
        ([1, 2], "a list of 2"),
        (torch.ones(2, 3), "shape (2, 3)"),
        (np.float64(1), "a single number"),
    ],
)
def test_results_are_described_in_a_few_words(value, words):
    assert describe(np.asarray(value) if isinstance(value, np.generic) else value) == words


HOSTILE_NUMBERS = {
    "2^64 for an integer": (2**64, 1),
    "a long integer for an integer": (10**59, 1),
    "minus 2^63 - 1 for an integer": (-(2**63) - 1, 1),
    "1e300 for an integer": (1e300, 1),
    "1e300 in an array of integers": (np.array([1e300, 1]), np.array([1, 2])),
    "2^64 for a boolean": (2**64, True),
    "2^64 for a numpy integer": (2**64, np.int64(1)),
    "2^64 for a tensor of integers": (2**64, torch.tensor(1)),
    "unsigned for integers": (np.array([2**64 - 1], dtype=np.uint64), np.array([1])),
    "unsigned for a tensor": (np.array([2**63], dtype=np.uint64), torch.tensor([1])),
    "300 for a byte": (np.array([300]), np.array([1], dtype=np.int8)),
    "-1 for an unsigned byte": (torch.tensor([-1]), torch.tensor([1], dtype=torch.uint8)),
    "inf for a boolean": (np.inf, True),
    "inf for booleans": (np.array([np.inf, 1]), np.array([True, False])),
    "nan for integers": (np.array([np.nan, 1]), np.array([1, 2])),
    "1e300 for float32": (np.array([1e300]), np.array([1], dtype=np.float32)),
    "1e300 for a tensor of float32": (1e300, torch.tensor(1.0)),
    "1e9 for float16": (np.array([1e9]), np.array([1], dtype=np.float16)),
    "integers in a list": ([2**64, 1], np.array([1, 2])),
    "a number for a set": (1, {1}),
    "a number for a function": (1.0, abs),
    "a number for a complex one": (1.0, 1j),
    "a number for bytes": (1.0, b"1"),
    "numbers for objects": (ROW, np.array([1, 2], dtype=object)),
    "numbers for texts": (ROW, np.array(["1", "2"])),
    "numbers for complex ones": (ROW, np.array([1j, 2])),
}


@pytest.mark.parametrize("name", HOSTILE_NUMBERS)
def test_a_number_beyond_what_is_expected_is_the_students_fault(name):
    with pytest.raises(ContractViolation):
        conform("f", *HOSTILE_NUMBERS[name])


def test_integers_beyond_int64_are_accepted_where_the_reference_has_them():
    assert conform("f", 2**100, 2**100) == 2**100
    assert conform("f", 1, 2**100) == 1


class Pair(NamedTuple):
    a: float
    b: float


def zoo():
    """Values of every kind that a box can send or a reference return, the odd ones above all."""
    numbers = [
        0,
        1,
        -1,
        2,
        2**31,
        2**53 + 1,
        2**63 - 1,
        2**63,
        2**64,
        -(2**63),
        10**59,
        True,
        False,
    ]
    numbers += [0.0, -0.0, 1.0, 0.5, 1e300, -1e300, 1e20, 5e-324, math.inf, -math.inf, math.nan]
    arrays = []
    for dtype in sorted(SUPPORTED_DTYPES):
        for shape in [(), (2,), (0, 2)]:
            arrays += [np.ones(shape, dtype)]
            kind = np.dtype(dtype).kind
            odd = [np.nan, np.inf] if kind == "f" else []
            odd += [np.finfo(dtype).max] if kind == "f" else []
            odd += [np.iinfo(dtype).max, np.iinfo(dtype).min] if kind in "iu" else []
            arrays += [np.full(shape, number, dtype) for number in odd]
    tensors = [torch.from_numpy(array) for array in arrays]
    grown = [(torch.ones(shape, requires_grad=True) * 2) for shape in [(), (2,)]]
    containers = [[], (), {}, [1, 2], (1.0, 2.0), [True, False], [2**64, 1], ["a"], [[1, 2], [3]]]
    containers += [
        {"a": 1},
        {"1": 2.0},
        {"a" * 10_000: 1},
        [None],
        (np.ones(2), None),
        [[]],
        Pair(1, 2),
    ]
    others = [None, "", "1", "a\ud800", Opaque("a generator")]
    return [*numbers, *arrays, *tensors, *grown, *containers, *others]


REFERENCES_ONLY = [
    *({1: 2.0}, {"a": {"b": np.ones(2)}}, {1, 2}, abs, 1j, b"x", np.float64(1), np.int8(1)),
    *(np.bool_(True), np.array([1j]), np.array([1, "a"], dtype=object), np.array(["a"])),
    *(torch.ones(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.complex64)),
    *(torch.Size([1, 2]), torch.ones(2, 2).max(0), 2**70, range(2), object(), np.str_("a")),
    *(
        torch.ones(2, dtype=torch.float8_e5m2),
        torch.ones(2).to_sparse(),
        slice(1),
        math,
        np.datetime64("2020-01-01"),
    ),
]


def test_nothing_but_a_contract_violation_comes_of_any_pair():
    values, longest = zoo(), 0
    for expected in [*values, *REFERENCES_ONLY]:
        for value in values:
            try:
                conform("f", value, expected)
            except ContractViolation as violation:
                longest = max(longest, len(violation.message))
            except Exception as error:
                raise AssertionError(f"{value!r} for {expected!r}") from error
    assert 0 < longest < 1000


def test_a_key_of_any_length_is_told_in_few_letters():
    with pytest.raises(ContractViolation) as caught:
        conform("f", {"k" * 4_000_000 + str(number): 1 for number in range(20)}, {"a": 1})
    assert len(caught.value.message) < 1000


def test_numbers_are_counted_before_they_are_made_pythons():
    many = np.zeros(4_000_000, dtype=np.int16)
    tracemalloc.start()
    try:
        with pytest.raises(ContractViolation, match=r"shape \(4000000,\); expected 2 results"):
            conform("f", many, (1, 2))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_memory_that_runs_out_is_no_verdict(monkeypatch):
    def none_left(_):
        raise MemoryError

    monkeypatch.setattr("autograder.judge.contract.is_finite", none_left)
    with pytest.raises(MemoryRanOut):
        conform("f", 1.0, 1.0)
