"""Run a command as a person types it: in a new interpreter, or in a fork that need not import.

Of a command's time in a new interpreter, most goes by importing torch and nbgrader. A fork of the
tests' own process has them already. It is a process of its own all the same: its folder, its
output, its signals, its end.
"""

import atexit
import contextlib
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

SCRIPTS = Path(sys.executable).parent
_ENTRY_POINTS = {
    "autograder": ("autograder.cli", "run"),
    "nbgrader": ("nbgrader.apps.nbgraderapp", "main"),
    "pytest": ("pytest", "console_main"),
}
# What a command imports only when it gets there. The first fork would pay for it, and each later
# one again.
_IMPORTED_LATE = (
    "autograder.course.checking",
    "autograder.gradebook.ingest",
    "autograder.grading.calibration",
    "autograder.grading.run",
    "autograder.grading.what_changed",
    "autograder.nbgrader_plugin.preprocessors",
)
# The interpreter's own, for code that is not `__main__`; pytest makes errors of them.
_QUIET = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


def environment():
    """Return an environment in which this interpreter's scripts are found."""
    return {**os.environ, "PATH": f"{SCRIPTS}:{os.environ['PATH']}"}


def run_fresh(folder, *words):
    """Run a command in a new interpreter; return what became of it."""
    return subprocess.run(
        [SCRIPTS / words[0], *words[1:]],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def run_forked(folder, *words):
    """Run a command in a fork of this process; return what became of it."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = start_forked(folder, words, out, err)
        process.join()
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess(words, process.exitcode, out.read(), err.read())


def start_forked(folder, words, out, err):
    """Start a command in a fork of this process; its output goes to two open files."""
    module, function = _ENTRY_POINTS[words[0]]
    command = getattr(importlib.import_module(module), function)
    for name in _IMPORTED_LATE:
        importlib.import_module(name)

    def work():
        _become_another(folder, words, out, err)
        _run_and_end(command)

    process = multiprocessing.get_context("fork").Process(target=work)
    with warnings.catch_warnings():
        # Threads of pytest-xdist, of a browser's driver or of Dask do not live on in a fork.
        warnings.simplefilter("ignore")
        process.start()
    return process


def _become_another(folder, words, out, err):
    """Leave everything that is the tests': what they would do at their end, above all."""
    atexit._clear()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    warnings.resetwarnings()
    for category in _QUIET:
        warnings.simplefilter("ignore", category)
    os.chdir(folder)
    os.environ.update(environment())
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", closefd=False, buffering=1)
    sys.argv = list(words)


def _run_and_end(command):
    """Run a command and end as an interpreter would; nothing of the tests runs after it."""
    status = 1
    try:
        # As the script of an entry point does.
        sys.exit(command())
    except SystemExit as leaving:
        status = leaving.code
        if isinstance(status, str):
            sys.stderr.write(f"{status}\n")
        status = status if isinstance(status, int) else int(status is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(status)
