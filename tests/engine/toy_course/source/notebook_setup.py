# Helpers of this notebook. `check` says how far an exercise is; it does not decide your score.
import dis
import linecache
import os
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


# The notebook's own names, and what `build` says below: {exercise: (points, is it optional)}, and
# {question read by a person: points}.
_notebook, _exercises, _by_hand = globals(), {}, {}
# How the check of each ended that has run: ✓, ✗ or ○.
_states = {}
# What a picture would have made, had it not stopped: {name: the exercises it needs}.
_not_made = {}
_LOADS = ("LOAD_NAME", "LOAD_GLOBAL")
_COLOURS = {"✓": "#1f883d", "✗": "#cf222e", "○": "#6e7781"}


def check(exercise):
    """Run the visible checks of an exercise and say how they end; nothing they raise goes on."""
    try:
        # To nbgrader's Validate, whatever is on stderr is a failure: a warning is none.
        with redirect_stderr(sys.stdout):
            yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        _states[exercise] = "○" if _is_unsolved(error) else "✗"
        _say_failed(exercise, error)
    else:
        _states[exercise] = "✓"
        _show(f"✓ {exercise}: the visible checks pass.\n{_so_far()}", _COLOURS["✓"])


def waits_for():
    """Run a picture or a demo; where it stops, say in one line which exercise it needs, and why."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        plt.close("all")
        # Below this generator's own frame stands the cell's.
        cell = error.__traceback__.tb_next.tb_frame.f_code
        needs = _needs(cell)
        _not_made.update(dict.fromkeys(_names(cell, "STORE_NAME"), needs))
        print(_why_it_waits(error, needs))


def progress():
    """Show how far one is by the visible checks that have run: ✓ ✗ ○ for each exercise."""
    width = max(map(len, _exercises), default=0)
    lines = [
        f"{_states.get(name, '○')} {name:{width}}  {_count(points, 'point')}"
        f"{', optional' if optional else ''}"
        for name, (points, optional) in _exercises.items()
    ]
    by_hand = f" {_count(sum(_by_hand.values()), 'more point')} by hand." if _by_hand else ""
    _show("\n".join([*lines, f"{_so_far()} by the visible checks.{by_hand}"]))


def expect(actual, expected, what, next_step):
    """Assert that an answer has the expected shape and values; say what to try where not."""
    got, want = _numbers(actual), plain(expected)
    if got is None:
        said = f"numbers of shape {want.shape}", _words(actual) or type(actual).__name__
    elif got.shape != want.shape:
        said = f"shape {want.shape}", f"shape {got.shape}"
    elif not np.allclose(got, want, rtol=1e-4, atol=1e-6):
        with np.printoptions(precision=4, suppress=True, threshold=20):
            said = str(want), str(got)
    else:
        return
    # The lines of a matrix stand below each other.
    expects, gets = (text.replace("\n", "\n" + " " * 12) for text in said)
    raise AssertionError(
        f"{what}\n  expected: {expects}\n  got:      {gets}\n  Next step: {next_step}."
    )


def plain(value):
    """Return an array of a number, list, array or tensor."""
    return np.asarray(value.detach() if hasattr(value, "detach") else value)


def _numbers(value):
    """Return an array of numbers; None where the value is something else."""
    try:
        array = plain(value)
    except Exception:
        return None
    return array if array.dtype.kind in "biufc" else None


def _show(text, bar=_COLOURS["○"]):
    """Show lines of text beside a bar, their signs in colour; where only text can be, print them."""
    text = text.rstrip()
    if _kernels_shell() is None:
        print(text)
        return
    from html import escape

    from IPython.display import display

    page = escape(text)
    for sign, colour in _COLOURS.items():
        page = page.replace(sign, f'<b style="color: {colour}">{sign}</b>')
    style = f"margin: 0; padding-left: 0.6em; border-left: 4px solid {bar}"
    display({"text/plain": text, "text/html": f'<pre style="{style}">{page}</pre>'}, raw=True)


def _kernels_shell():
    """Return IPython where it shows more than text: in a notebook's kernel."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell if hasattr(shell, "kernel") else None


def _with_words(figure):
    """Return a figure as a page shows it, with words for who does not see it; Jupyter has none."""
    from html import escape

    shell = _kernels_shell()
    png = shell.display_formatter.formatters["image/png"](figure)
    if png is None:
        return None
    first, *_ = shell.user_ns["In"][-1].splitlines() or [""]
    titles = ", ".join(filter(None, (axes.get_title() for axes in figure.axes)))
    words = first.removeprefix("# ") if first.startswith("# ") else titles or "A figure."
    return f'<img src="data:image/png;base64,{png}" alt="{escape(words)}">'


def _say_failed(exercise, error):
    """Say why a check does not pass: in red what is wrong, calmly what is not solved yet."""
    if _is_unsolved(error):
        unsolved = _culprit(error)
        waiting = "" if unsolved == exercise else f" It waits for {unsolved}."
        text = f"○ {exercise}: not solved yet.{waiting}"
        # nbgrader's Validate knows a failure by stderr; to everybody else it is none.
        if "NBGRADER_EXECUTION" not in os.environ:
            _show(f"{text}\n{_so_far()}")
            return
    elif isinstance(error, AssertionError) and str(error):
        text = f"✗ {exercise}: {error}"
    else:
        frame, number = _steps(error)[-1]
        where = frame.f_code.co_name.replace("<module>", "the check")
        line = linecache.getline(frame.f_code.co_filename, number).strip()
        at = f"at line {number} of {where}: {line}".removesuffix(": ")
        text = f"✗ {exercise}: stopped with {_reason(error)}\n  {at}"
    print(text, file=sys.stderr)
    _show(_so_far())


def _so_far():
    """Return how far one is, in a short line; nothing where no exercises are known."""
    needed = {name: points for name, (points, optional) in _exercises.items() if not optional}
    solved = [name for name in _exercises if _states.get(name) == "✓"]
    points = sum(needed[name] for name in solved if name in needed)
    extra = len(solved) - sum(name in needed for name in solved)
    more = f" and {extra} optional" if extra else ""
    if not needed:
        return ""
    return (
        f"{len(solved) - extra} of {len(needed)} solved{more}, "
        f"{points} of {_count(sum(needed.values()), 'point')}"
    )


def _count(number, thing):
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _why_it_waits(error, needs):
    """Say in one line which exercises a cell of ours needs, and what went wrong."""
    if _is_unsolved(error):
        return f"This cell waits for the exercise {_culprit(error)}."
    at_fault = [_not_right(_named_at(*step)) for step in reversed(_steps(error))]
    names = next(filter(None, [*at_fault, _not_right(needs)]), None)
    if names is None:
        names, verb = needs or ["cells above"], "needs"
    else:
        verb = "waits for"
    return f"This cell {verb} {', '.join(names)}: it stopped with {_reason(error)}"


def _not_right(names):
    return [name for name in names if _states.get(name) != "✓"]


def _named_at(frame, number):
    """Return the exercises that a frame is in, or calls at a line of it."""
    starts, line, names = dict(dis.findlinestarts(frame.f_code)), None, {frame.f_code.co_name}
    for one in dis.get_instructions(frame.f_code):
        line = starts.get(one.offset, line)
        if line == number and one.opname in _LOADS:
            names.add(one.argval)
    return [name for name in _exercises if name in names]


def _steps(error):
    """Return the frames of this notebook that an error came through, and their lines."""
    steps = traceback.walk_tb(error.__traceback__.tb_next)
    return [(frame, number) for frame, number in steps if frame.f_globals is _notebook]


def _is_unsolved(error):
    """Say whether the notebook itself raised NotImplementedError: a library's is an error."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return isinstance(error, NotImplementedError) and frame.f_globals is _notebook


def _culprit(error):
    """Name the exercise that an error was raised in, or else the function."""
    names = [frame.f_code.co_name for frame, _ in _steps(error)]
    return next((name for name in reversed(names) if name in _exercises), names[-1])


def _reason(error):
    """Return an error's kind and message in one short line."""
    return f"{type(error).__name__}: {_words(error)}".removesuffix(": ")


def _words(value):
    """Return what a value says of itself in one short line; nothing where even that fails."""
    try:
        text = " ".join(str(value).split())
    except Exception:
        return ""
    return text if len(text) <= 200 else f"{text[:200]} …"


def _needs(code):
    """Return the exercises that code of ours calls, itself or through functions, in their order."""
    made_here = _names(code, "STORE_NAME") - _exercises.keys()
    found, names, waiting = set(), made_here, [code]
    while waiting:
        for part in _parts(waiting.pop()):
            for name in _names(part, *_LOADS) - names:
                names.add(name)
                found.update([name] if name in _exercises else _not_made.get(name, ()))
                waiting += _codes_of(name)
    return [name for name in _exercises if name in found]


def _codes_of(name):
    """Return the code of a function or class of this notebook that is no exercise."""
    value = None if name in _exercises else _notebook.get(name)
    functions = vars(value).values() if isinstance(value, type) else [value]
    return [one.__code__ for one in functions if getattr(one, "__globals__", None) is _notebook]


def _parts(code):
    """Return some code, and that of the functions written in it."""
    inner = [one for one in code.co_consts if hasattr(one, "co_names")]
    return [code, *(part for one in inner for part in _parts(one))]


def _names(code, *operations):
    return {one.argval for one in dis.get_instructions(code) if one.opname in operations}


# Whatever `sum` or `np` may be in the notebook later, the helpers keep names of their own.
_own = globals().copy()
for _name, _value in globals().copy().items():
    if getattr(_value, "__globals__", None) is _notebook and _value.__closure__ is None:
        _own[_name] = type(_value)(_value.__code__, _own, _name, _value.__defaults__)
globals().update({name: _own[name] for name in ("expect", "plain", "progress")})
globals().update({name: contextmanager(_own[name]) for name in ("check", "waits_for")})
if _kernels_shell():
    # As soon as Jupyter knows how to show a figure: until then it forgets what it was told.
    plt.switch_backend(plt.get_backend())
    _pages = _kernels_shell().display_formatter.formatters["text/html"]
    _pages.for_type_by_name("matplotlib.figure", "Figure", _own["_with_words"])
