"""What bounds the life of a judge, whoever starts it: memory, wear, a clock, its starter's end.

A judge cannot be its own clock: Python's alarms wait for native code, which may run for ever. Nor
can it see by itself, meanwhile, that its starter has ended: the kernel kills it then.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import select
import signal

from autograder.sandbox.host.cgroups import enter_judge_cgroup
from autograder.sandbox.host.time_limit import times_broken_off
from autograder.sandbox.limits import Limits
from autograder.sandbox.memory import MIB, HeldMemory, held_data_bytes

_MEMORY_MB = 4096
_GROWTH_MB = 512
_MARGIN_S = 60.0
"""What a judge may do of its own beyond the time that a submission has."""
_F_SETSIG = 10


def silence_s(limits: Limits) -> float:
    """Return for how many seconds a judge may say nothing before it is killed."""
    return limits.submission_wall_s + _MARGIN_S


def become_judge(starter: int) -> None:
    """Set up this process as a judge that ends with its starter, and is killed with all it starts.

    `starter` is the read end of a pipe whose other end the starter alone holds.
    """
    with contextlib.suppress(PermissionError):
        # A group of its own; whoever leads one already is in one.
        os.setsid()
    # The kernel kills, whatever this process does or blocks when the pipe is closed.
    fcntl.fcntl(starter, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(starter, _F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(starter, fcntl.F_SETFL, fcntl.fcntl(starter, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([starter], [], [], 0)[0]:
        # It was closed before.
        os._exit(1)


def limit_memory(number: int) -> None:
    """Bound what this judge may take: student code chooses what our references are asked.

    Where there are control groups it gets one of its own, by its number: with what it starts.
    """
    enter_judge_cgroup(number, _MEMORY_MB)
    limit = held_data_bytes() + _MEMORY_MB * MIB
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def kill_with_all_below(pid: int) -> None:
    """Kill a judge that is not waited for yet, and what it has started; boxes end with it."""
    for kill in (os.killpg, os.kill):
        # It may not have got as far as to be a group.
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


class Wear:
    """What a judge began with: tells whether what came after may spoil what it does next."""

    def __init__(self) -> None:
        self._held, self._broken = HeldMemory(), times_broken_off()

    @property
    def is_worn(self) -> bool:
        """Whether something was broken off, half done, or it holds much that it did not hold."""
        return times_broken_off() != self._broken or self._held.grown_mb() > _GROWTH_MB
