"""Student code that changes the tools it believes to be graded with."""

import numpy as np
import pytest
import torch

from autograder.results.verdicts import Verdict

pytestmark = pytest.mark.box


def test_patched_numpy_comparisons_compare_nothing_of_ours(attack, fools):
    code = """
        import numpy as np
        import numpy.testing
        numpy.testing.assert_allclose = lambda *args, **kwargs: None
        numpy.testing.assert_array_equal = lambda *args, **kwargs: None
        np.allclose = np.array_equal = lambda *args, **kwargs: True
        def square(x): return np.full(len(x), 7.0)
    """
    assert fools(code, "square")
    attack(square=code, costs=["square"])


def test_patched_torch_compares_nothing_of_ours(attack, fools):
    code = """
        import torch
        torch.allclose = torch.equal = lambda *args, **kwargs: True
        torch.Tensor.allclose = torch.Tensor.equal = lambda *args, **kwargs: True
        torch.Tensor.__eq__ = lambda self, other: torch.ones(self.shape, dtype=torch.bool)
        torch.Tensor.backward = lambda self, *args, **kwargs: None
        def weighted_energy(x, weights): return (x * 7).sum(dim=1)
    """

    def allclose(answer):
        assert torch.allclose(answer(torch.ones(2, 3), torch.ones(3)), torch.full((2,), 1.5))

    assert fools(code, "weighted_energy", allclose)
    attack(weighted_energy=code, costs=["weighted_energy"])


def test_patched_pytest_and_builtins_judge_nothing_of_ours(attack, fools):
    code = """
        import builtins
        import pytest
        import autograder.testing
        def nothing(*args, **kwargs): return args[-1] if args else None
        autograder.testing.assert_close = autograder.testing.assert_pure = nothing
        pytest.raises = pytest.fail = pytest.main = nothing
        builtins.AssertionError = GeneratorExit
        def square(x): return 0 * x
    """
    assert fools(code, "square")
    attack(square=code, costs=["square"])


def test_a_test_skipped_from_inside_an_answer_counts_as_failed(attack):
    attacked = attack(
        square="""
        import pytest
        def square(x): pytest.skip("not today")
        """,
        cube="""
        import unittest
        def cube(x): raise unittest.SkipTest("not today")
        """,
        costs=["square", "cube"],
    )
    assert attacked.verdict("square") is attacked.verdict("cube") is Verdict.FAILED


def test_a_patched_engine_in_the_box_forges_no_score(attack):
    attacked = attack(
        first="""
        from autograder.sandbox.inside import cells
        from autograder.sandbox.calls import serving
        from autograder.sandbox.wire import frames, results_out
        def lie(self, header, block):
            self._line.send({"reply": "PASSED", "verdict": "PASSED", "score": 99})
        serving.CallServer._call = lie
        results_out.Encoder.node = lambda self, value, depth=0: {"kind": "PASSED"}
        """,
        costs=["square", "sum_of_squares", "weighted_energy", "cube"],
    )
    assert "sent back a reply to another question" in attacked.messages("square")


def test_what_judges_is_not_in_the_box(attack):
    attacked = attack(
        first="""
        import importlib, pathlib
        import autograder
        for name in ("judge", "results", "grading", "course", "gradebook", "sandbox.host"):
            try:
                importlib.import_module(f"autograder.{name}")
                print("found", name)
            except ImportError:
                pass
        root = pathlib.Path(autograder.__file__).parent
        print(sorted(path.name for path in root.iterdir()))
        """
    )
    assert attacked.printed == "['__init__.py', 'sandbox', 'testing.py']\n"


def test_a_patched_socket_or_json_harms_its_own_submission_only(attack):
    attacked = attack(
        first="""
        import json, socket
        json.dumps = lambda *args, **kwargs: '{"reply": "value", "score": 99}'
        """
    )
    # It tells no end of its cell any more: the time is over, or the process is ended.
    assert attacked.problems.startswith(("CRASHED", "TIMED_OUT"))


def test_input_transformers_cannot_rewrite_later_cells_into_points(attack):
    attacked = attack(
        first="""
        shell = get_ipython()
        def rewrite(lines):
            return ["score = 99\\n"] if any("def square" in line for line in lines) else lines
        shell.input_transformers_cleanup.append(rewrite)
        """,
        costs=["square"],
    )
    assert attacked.verdict("square") is Verdict.MISSING


def test_ast_transformers_and_events_run_in_the_box_only(attack):
    attacked = attack(
        first="""
        import ast
        class Zero(ast.NodeTransformer):
            def visit_Pow(self, node): return ast.copy_location(ast.Mult(), node)
        shell = get_ipython()
        shell.ast_transformers.append(Zero())
        def after(result): result.score = 99
        shell.events.register("post_run_cell", after)
        """,
        square="def square(x): return x**2",
        weighted_energy="def weighted_energy(x, w): return 0.5 * (w * x * x).sum(dim=1)",
        cube="def cube(x): return x * x * x",
        costs=["square"],
    )
    assert attacked.verdict("square") is Verdict.FAILED


def test_display_formatters_bring_no_active_content_out(attack):
    attacked = attack(
        first="""
        class Active:
            def _repr_html_(self): return "<script>alert(1)</script>"
            def _repr_javascript_(self): return "alert(1)"
            def _repr_png_(self): return "not a picture"
            def _repr_mimebundle_(self, **_): return {"text/html": "<script>", "score": 99}
            def __repr__(self): return "plain"
        formatter = get_ipython().display_formatter.formatters["text/plain"]
        formatter.for_type(int, lambda value, printer, cycle: printer.text("score: 99"))
        Active()
        """
    )
    outputs = [output for cell in attacked.result.cells for output in cell.outputs]
    data = [output["data"] for output in outputs if "data" in output]
    assert data
    assert {kind for one in data for kind in one} <= {"text/plain", "image/png"}
    assert "script" not in str(data)


def test_an_argument_cannot_be_used_to_reach_the_tests_own(attack):
    """The test's array is not the student's: only values come back, and must be honest."""
    attacked = attack(
        square="""
        import gc
        def square(x):
            for referrer in gc.get_referrers(x):
                if isinstance(referrer, dict) and "expected" in referrer:
                    return referrer["expected"]
            x.flags.writeable = False
            return np.zeros(x.shape)
        """,
        costs=["square"],
    )
    assert attacked.verdict("square") is Verdict.FAILED


def test_hostile_exceptions_are_told_in_bounds(attack):
    attacked = attack(
        square="""
        class Hostile(BaseException):
            def __str__(self): raise self
            __repr__ = __str__
        def square(x): raise Hostile
        """,
        weighted_energy="""
        Huge = type("E" * 10_000_000, (Exception,), {})
        def weighted_energy(x, weights): raise Huge("\\n\\x1b[2J<script>" * 10_000_000)
        """,
        cube="def cube(x): raise ValueError('\\ud800 [/bold] [link=x]')",
        costs=["square", "weighted_energy", "cube"],
    )
    assert attacked.verdict("square") is Verdict.FAILED
    assert len(attacked.messages("weighted_energy")) < 2000
    assert "\x1b" not in attacked.messages("weighted_energy")


@pytest.mark.parametrize("error", ["GeneratorExit", "KeyboardInterrupt", "StopIteration"])
def test_exceptions_that_mean_something_to_python_mean_a_failed_test(attack, error):
    attacked = attack(square=f"def square(x): raise {error}", costs=["square"])
    assert f"It raised {error}" in attacked.messages("square")


def test_a_step_on_the_arguments_is_seen_by_a_test_of_purity(grader, submit):
    code = "def square(x):\n    result = x**2\n    x[:] = 0\n    return result"
    result = grader.grade_bytes(submit(square=code), "mallory", "toy.ipynb")
    tests = {test.name: test.verdict for test in result.exercises[0].tests}
    assert tests == {"test_values": Verdict.PASSED, "test_pure": Verdict.FAILED}
    assert np.isclose(result.exercises[0].score, 1.0)
