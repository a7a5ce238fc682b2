"""Results that claim to equal whatever they are compared with."""

import pickle

import numpy as np
import pytest
import torch

from autograder.results.verdicts import Verdict

pytestmark = pytest.mark.box

X = np.array([1.0, -2.0, 3.0])


def test_an_object_equal_to_everything_is_not_compared(attack, fools):
    code = """
        class Anything:
            def __eq__(self, other): return True
            def __ne__(self, other): return False
            def __float__(self): return 1.0
            def __bool__(self): return True
        def square(x): return Anything()
    """

    def equality(answer):
        assert answer(X) == 1.0

    assert fools(code, "square", equality)
    attacked = attack(square=code, costs=["square"])
    assert "returned a Anything; expected shape (3,)" in attacked.messages("square")


def test_an_array_hook_cannot_read_the_expected_values(attack, fools):
    code = """
        import sys
        import numpy as np
        class Thief:
            def __array__(self, dtype=None, copy=None):
                frame = sys._getframe()
                while frame is not None:
                    for name in ("expected", "first"):
                        if name in frame.f_locals and frame.f_locals[name] is not self:
                            return np.asarray(frame.f_locals[name], dtype=float)
                    frame = frame.f_back
                raise AttributeError("nothing to steal")
        def square(x): return Thief()
    """

    def comparison(answer):
        expected = X**2
        np.testing.assert_allclose(np.asarray(answer(X)), expected)

    assert fools(code, "square", comparison)
    attack(square=code, costs=["square"])


def test_an_array_subclass_that_answers_for_numpy_becomes_its_values(attack, fools):
    code = """
        import numpy as np
        class Agreeable(np.ndarray):
            def __eq__(self, other): return np.ones(self.shape, dtype=bool)
            def __array_function__(self, function, types, args, kwargs): return True
            def __array_ufunc__(self, ufunc, method, *inputs, **kwargs): return np.zeros(3)
        def square(x): return np.full(x.shape, 7.0).view(Agreeable)
    """

    def allclose(answer):
        assert np.allclose(answer(X), X**2)

    assert fools(code, "square", allclose)
    attacked = attack(square=code, costs=["square"])
    assert attacked.verdict("square") is Verdict.FAILED


def test_a_tensor_subclass_that_answers_for_torch_becomes_its_values(attack, fools):
    code = """
        import torch
        class Agreeable(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                if function in (torch.allclose, torch.equal):
                    return True
                return super().__torch_function__(function, types, args, kwargs or {})
        def weighted_energy(x, weights):
            return ((x * 7).sum(dim=1)).as_subclass(Agreeable)
    """
    x = torch.ones(2, 3)

    def allclose(answer):
        assert torch.allclose(answer(x, torch.ones(3)), torch.full((2,), 1.5))

    assert fools(code, "weighted_energy", allclose)
    attacked = attack(weighted_energy=code, costs=["weighted_energy"])
    assert attacked.verdict("weighted_energy") is Verdict.FAILED


def test_a_number_subclass_becomes_a_plain_number(attack, fools):
    code = """
        class Close(float):
            def __sub__(self, other): return 0.0
            __rsub__ = __sub__
            def __eq__(self, other): return True
        def cube(x): return Close(99.0)
    """

    def difference(answer):
        assert abs(answer(-2.0) - -8.0) < 1e-9

    assert fools(code, "cube", difference)
    attack(cube=code, costs=["cube"])


PAYLOAD = """
        import os
        import numpy as np
        class Payload:
            def __reduce__(self):
                return os.system, ("touch {marker}",)
"""


@pytest.mark.parametrize(
    "result",
    [
        "Payload()",
        "[Payload(), {'inner': Payload()}]",
        "np.array([Payload()] * 3, dtype=object)",
        "__import__('pickle').dumps(Payload())",
    ],
    ids=["object", "nested", "object array", "pickled bytes"],
)
def test_no_result_is_ever_unpickled(attack, fools, tmp_path, result):
    marker = tmp_path / "unpickled"
    payload = PAYLOAD.format(marker=marker)
    code = f"{payload}        def square(x): return {result}\n"

    def by_pickle(answer):
        value = answer(X)
        value = pickle.loads(value if isinstance(value, bytes) else pickle.dumps(value))

    assert fools(code, "square", by_pickle)
    assert marker.exists()
    marker.unlink()
    attack(square=code, costs=["square"])
    assert not marker.exists()


def test_an_object_that_claims_the_class_of_an_array_gets_in_as_nothing_more(attack):
    attack(
        square="""
        import numpy as np
        class Liar:
            __class__ = property(lambda self: np.ndarray)
            shape, dtype = (3,), np.dtype("float64")
            def __array__(self, *args, **kwargs): return np.array([0.0, 0.0, 0.0])
        def square(x): return Liar()
        """,
        costs=["square"],
    )


def test_a_class_named_like_the_exercise_is_judged_by_what_it_returns(attack):
    attacked = attack(
        square="""
        class Everything(type):
            def __call__(cls, *args): return super().__call__()
            def __eq__(cls, other): return True
            def __instancecheck__(cls, instance): return True
            def __hash__(cls): return 0
        class square(metaclass=Everything):
            score, verdict, points = 99, "PASSED", 99
        """,
        cube="""
        class cube:
            def __new__(cls, x): return x * x * x
        """,
        costs=["square"],
    )
    assert "returned a square" in attacked.messages("square")


def test_a_generator_as_answer_is_not_run_on(attack):
    attacked = attack(
        square="""
        def square(x):
            while True:
                yield x**2
        """,
        costs=["square"],
    )
    assert "returned a generator" in attacked.messages("square")


def test_an_answer_that_differs_between_calls_is_noticed(grader, submit):
    stateful = (
        "calls = 0\ndef square(x):\n    global calls\n    calls += 1\n"
        "    return x**2 if calls % 2 else 0 * x"
    )
    result = grader.grade_bytes(submit(square=stateful), "mallory", "toy.ipynb")
    tests = {test.name: test.verdict for test in result.exercises[0].tests}
    assert "test_pure" in tests
    assert result.exercises[0].score < result.exercises[0].points


@pytest.mark.parametrize(
    "value",
    ["[10**60] * len(x)", "np.array([2**63 - 1] * len(x), dtype='uint64')", "[True] * len(x)"],
    ids=["huge integers", "unsigned", "booleans"],
)
def test_odd_numbers_are_wrong_answers_and_not_our_fault(attack, value):
    attacked = attack(square=f"def square(x): return {value}", costs=["square"])
    assert attacked.verdict("square") is Verdict.FAILED
