"""Hold one submission in a control group, where there are any; never decide its verdict."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import struct
from pathlib import Path

from autograder.sandbox.host import cgroups
from autograder.sandbox.limits import Limits
from autograder.sandbox.memory import MIB

_CREDENTIALS = struct.Struct("iII")
_HELD = ("RssAnon:", "RssShmem:", "VmPTE:")
# Beyond what the warm parent counts: the kernel's own needs, and files that are read.
_RESERVE_MB = 128
# Two folders in memory have room for a submission's files: /tmp and /dev/shm.
_FOLDERS = 2
_SPARE_PROCESSES = 8
_numbers = itertools.count()


class SubmissionGroup:
    """The group of a box's present submission; without control groups it does nothing."""

    def __init__(self) -> None:
        self._warm_parent: int | None = None
        self._group: cgroups.Cgroup | None = None
        self.held_last = False
        """Whether the last submission was held by a group."""

    def ask_who_sends(self, control: socket.socket) -> None:
        """Let the kernel say, with each message on the line, which process has sent it."""
        if cgroups.tree() is not None:
            control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)

    def hear_who_sends(self, control: socket.socket) -> None:
        """Note the process id, as this machine has it, of who sent what waits on the line."""
        self._warm_parent = None
        if cgroups.tree() is None:
            return
        room = socket.CMSG_SPACE(_CREDENTIALS.size)
        _, told, _, _ = control.recvmsg(1, room, socket.MSG_PEEK)
        for level, kind, data in told:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                self._warm_parent = _CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0]

    def hold(self, limits: Limits) -> None:
        """Move the submission that has just started to a group; its cells are not sent yet.

        It is the warm parent's one child, and runs our code still: it cannot have left anything.
        """
        self.leave()
        tree = cgroups.tree()
        self.held_last = False
        if tree is None or not self._warm_parent:
            return
        children = _children(self._warm_parent)
        if len(children) != 1:
            return
        with contextlib.suppress(OSError):
            group = tree.group(f"submission-{os.getpid()}-{next(_numbers)}")
            # A submission may write to every page it shares with the warm parent: each is copied.
            megabytes = limits.memory_mb + _FOLDERS * limits.disk_mb + _RESERVE_MB
            memory = megabytes * MIB + _held_bytes(self._warm_parent)
            group.limit(memory, limits.processes + _SPARE_PROCESSES)
            group.enter(children[0])
            self._group, self.held_last = group, True

    def has_run_out(self) -> bool:
        """Say whether the kernel has ended something of it for want of memory since last asked."""
        return self._group is not None and self._group.new_kills() > 0

    def leave(self) -> None:
        """Remove the group of a submission that has ended."""
        if self._group is not None:
            self._group.remove()
            self._group = None


def _children(pid: int) -> list[int]:
    """Return a process's children."""
    with contextlib.suppress(OSError):
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for one in tasks for child in (one / "children").read_text().split()]
    return []


def _held_bytes(pid: int) -> int:
    """Return what a process holds that is no file's."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(_HELD)) * 1024
