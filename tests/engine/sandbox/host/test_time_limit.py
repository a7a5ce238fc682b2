"""What of ours runs for student code ends in time, whatever it does with the exception."""

import contextlib
import gc
import signal
import threading
import time

import pytest

from autograder.sandbox.host.time_limit import until
from autograder.sandbox.wire.frames import DeadlinePassed

# By the clock, for the limit is; a loaded machine may take its time to notice.
ENDLESS_S, SOON_S = 60, 30


def spin_for(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


class Finalised:
    """Is in its finaliser when the time is over: what is raised there is dropped."""

    def __del__(self):
        spin_for(0.2)


def seconds_until_the_end(work, limit_s):
    """Run `work` within a limit that ends it; return how long that took."""
    began = time.monotonic()
    with pytest.raises(DeadlinePassed), until(began + limit_s):
        work()
    return time.monotonic() - began


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_end_that_was_dropped_comes_again():
    def work():
        Finalised()
        spin_for(ENDLESS_S)

    assert seconds_until_the_end(work, 0.1) < SOON_S
    gc.collect()


def test_what_catches_everything_ends_too():
    def work():
        with contextlib.suppress(Exception):
            spin_for(ENDLESS_S)
        spin_for(ENDLESS_S)

    assert seconds_until_the_end(work, 0.1) < SOON_S


def test_no_alarm_is_left_behind():
    for _ in range(3):
        with until(time.monotonic() + 0.05):
            pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    spin_for(0.1)


def test_an_outer_limit_goes_on():
    def work():
        with until(time.monotonic() + 10):
            pass
        spin_for(ENDLESS_S)

    assert seconds_until_the_end(work, 0.3) < SOON_S


def test_where_there_can_be_no_limit_nothing_runs():
    met = []

    def work():
        try:
            with until(time.monotonic() + 10):
                met.append("ran")
        except RuntimeError as error:
            met.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert met == ["what runs for student code runs in the main thread, or without a limit"]
