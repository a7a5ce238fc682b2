"""A real Dask scheduler with two real workers, as processes of their own; a class to grade."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

DEADLINE_S = 120


def _wait_until(what):
    """Return the first true value of a function; fail where there is none in time."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what.__name__}: not within {DEADLINE_S} s")


@pytest.fixture(scope="session")
def wait_until():
    """Return a function that waits for the first true value of another."""
    return _wait_until


class Process:
    """A command in a session of its own, so that all of it can be killed at once."""

    def __init__(self, folder, module, *words, packages=None):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        if packages is not None:
            environment["PYTHONPATH"] = str(packages)
        with (folder / f"{module}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def judges(self):
        """Return the judges that this worker has started."""
        started = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in started if "autograder.grading.judge_main" in _words(one)]


def _words(process):
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


@contextlib.contextmanager
def _scheduler_in(folder):
    file = folder / "scheduler.json"
    words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    scheduler = Process(folder, "distributed.cli.dask_scheduler", *words)

    def address():
        with contextlib.suppress(OSError, ValueError):
            return json.loads(file.read_text())["address"]

    try:
        yield scheduler, _wait_until(address)
    finally:
        scheduler.kill()


@pytest.fixture(scope="session")
def scheduler(tmp_path_factory):
    """The address of a running scheduler."""
    with _scheduler_in(tmp_path_factory.mktemp("scheduler")) as (_, address):
        yield address


@pytest.fixture
def lonely_scheduler(tmp_path):
    """A scheduler without workers: its process and its address."""
    with _scheduler_in(tmp_path) as scheduler:
        yield scheduler


@pytest.fixture(scope="session")
def start_worker(tmp_path_factory, scheduler):
    """Return a function that starts a worker, its nanny with it."""
    started = []

    def start(name, *options, packages=None):
        folder = tmp_path_factory.mktemp(name)
        words = [scheduler, "--name", name, "--nthreads", "1", "--no-dashboard"]
        words += ["--memory-limit", "0", "--local-directory", str(folder), *options]
        module = "distributed.cli.dask_worker"
        started.append(Process(folder, module, *words, packages=packages))
        return started[-1]

    yield start
    for worker in started:
        worker.kill()


@pytest.fixture(scope="session")
def client(scheduler):
    """A client of the tests' own, to look at the cluster with."""
    from distributed import Client

    with Client(scheduler, set_as_default=False, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def _running():
    """The workers by their names, but for those that a test has taken away."""
    return {}


@pytest.fixture
def workers(_running, start_worker, client):
    """Two workers by their names, ready for work, whatever an earlier test has killed.

    One has a nanny, as is usual.
    """
    for name, options in {"nannied": (), "single": ("--no-nanny",)}.items():
        if name not in _running:
            _running[name] = start_worker(name, *options)
    client.wait_for_workers(2, timeout=DEADLINE_S)
    return _running
