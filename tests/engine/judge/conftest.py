"""What the judge's tests share: hidden tests that run on a function of ours, without a box."""

import pytest

from autograder.sandbox.host.local_channel import local_channel
from autograder.sandbox.limits import Limits
from autograder.sandbox.warming import warm_autograd


class Serving:
    """A source of channels to one function of ours."""

    def __init__(self, function):
        self.function = function

    def open(self, exercise):
        return local_channel(self.function, Limits(call_wall_s=1))

    def close(self, exercise, channel):
        channel.sock.close()


@pytest.fixture
def serving():
    """Return what makes a source of channels of a function, in a process as warm as a judge."""
    warm_autograd()
    return Serving
