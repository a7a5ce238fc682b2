# Helpers of this notebook. `check` says how far an exercise is; it does not decide your score.
import sys
import traceback
from contextlib import contextmanager, redirect_stderr

import matplotlib.pyplot as plt
import numpy as np

plt.rcParams.update(
    {
        "axes.grid": True,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.constrained_layout.use": True,
        "figure.dpi": 90,
        "grid.alpha": 0.3,
        # Okabe and Ito's colours: they differ for every kind of colour vision.
        "axes.prop_cycle": plt.cycler(
            color=["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
        ),
    }
)


def unsolved_name(error):
    """Name the function whose body still raises NotImplementedError."""
    return traceback.extract_tb(error.__traceback__)[-1].name


@contextmanager
def check(exercise):
    """Run the visible checks of an exercise and say in one line how they end."""
    try:
        # To nbgrader's Validate, whatever is on stderr is a failure: a warning is none.
        with redirect_stderr(sys.stdout):
            yield
    except NotImplementedError as error:
        unsolved = unsolved_name(error)
        waiting = "" if unsolved == exercise else f" It waits for {unsolved}."
        print(f"○ {exercise}: not solved yet.{waiting}", file=sys.stderr)
    except AssertionError as error:
        print(f"✗ {exercise}: {error}", file=sys.stderr)
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1]
        print(
            f"✗ {exercise}: stopped with {type(error).__name__}: {error}\n"
            f"  at line {line.lineno} of {line.name}: {line.line}",
            file=sys.stderr,
        )
    else:
        print(f"✓ {exercise}: the visible checks pass.")


@contextmanager
def waits_for():
    """Run a picture or a demo; where an exercise it needs is unsolved, say which in one line."""
    try:
        yield
    except NotImplementedError as error:
        plt.close("all")
        print(f"This cell waits for the exercise {unsolved_name(error)}.")


def plain(value):
    """Return an array of a number, list, array or tensor."""
    return np.asarray(value.detach() if hasattr(value, "detach") else value)


def expect(actual, expected, what, next_step):
    """Assert that an answer has the expected shape and values; say what was expected and what to try."""
    got, want = plain(actual), plain(expected)
    if got.shape != want.shape:
        raise AssertionError(
            f"{what}: expected shape {want.shape}, got {got.shape}. Next step: {next_step}."
        )
    if not np.allclose(got, want, rtol=1e-4, atol=1e-6):
        with np.printoptions(precision=4, suppress=True, threshold=20):
            raise AssertionError(f"{what}: expected {want}, got {got}. Next step: {next_step}.")
