"""Leave student code the system calls it needs, and refuse all others; never end it for one.

A refused call raises PermissionError. Refused is what no limit of ours counts (System V and POSIX
queues, semaphores, files in memory), what tells of others or reaches them (page cache, watches,
leases, keys, namespaces, other kinds of sockets), and what nobody needs.
"""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache

from autograder.sandbox.inside.bpf import (
    ALLOW,
    Among,
    Case,
    Rule,
    always,
    answer,
    filter_code,
    packed,
)
from autograder.sandbox.inside.libc import LIBC, check
from autograder.sandbox.inside.syscall_numbers import NEWEST, numbers_on

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_REFUSE = Case((), answer(errno.EPERM))


def _only(argument: int, *values: int) -> Rule:
    """Return the rule of a call that is allowed where an argument is one of these."""
    return (Case((Among(argument, values),), ALLOW), _REFUSE)


# Flags of clone(2): all kinds of namespaces, a descriptor of the child, a sibling for a child.
_NEW_NAMESPACES, _PIDFD, _PARENT = 0x7E020000, 0x1000, 0x8000
# Commands of fcntl(2): descriptors, flags, reading locks, the size of a pipe, seals, the owner.
_FCNTL = (0, 1, 2, 3, 4, 5, 9, 1030, 1032, 1034)
# Locks that belong to a process, and to an open file.
_LOCKS = (6, 7, 37, 38)
# Terminals, what waits to be read, and flags of descriptors; not TIOCSTI, which types for others.
_IOCTL = (
    *range(0x5401, 0x5405),
    *range(0x5409, 0x540C),
    *range(0x540E, 0x5412),
    *(0x5413, 0x5414, 0x541B, 0x5421, 0x5422, 0x5429, 0x5441, 0x5450, 0x5451),
    *(0x802C542A, 0x402C542B, 0x402C542C, 0x402C542D, 0x80045430, 0x40045431),
)
# Use, giving back, forks, large pages, dumps, guards; not MERGEABLE, COLD and PAGEOUT, which reach
# memory that others share.
_MADVICE = (*range(5), 8, 9, 10, 11, *range(14, 20), 22, 23, 24, 25, 102, 103)
# Waiting and waking; no inheritance of priority.
_FUTEX = (0, 1, 3, 4, 5, 9, 10)
_FUTEX_KIND = 0x7F
# Death signal, dumpability, name, capabilities (reading), timer slack, no new privileges.
_PRCTL = (1, 2, 3, 4, 15, 16, 21, 23, 29, 30, 38, 39)
_AF_UNIX, _AF_INET, _TCP, _UDP = 1, 2, 6, 17
# Of SOL_SOCKET; no sizes of buffers, no filters.
_SOCKET_OPTIONS = (2, 6, 9, 10, 13, 15, 16, 20, 21, 66, 67)
_SOCKET = (Case((Among(0, (_AF_UNIX, _AF_INET)), Among(2, (0, _TCP, _UDP))), ALLOW), _REFUSE)

_ABSENT, _DONE = always(answer(errno.ENOSYS)), always(answer(0))
_NO_ATTRIBUTES = always(answer(errno.ENOTSUP))

_RULES: dict[str, Rule] = {
    # The flags of clone3 cannot be seen from here; where it is missing, the C library uses clone.
    "clone3": _ABSENT,
    "clone": (Case((Among(0, (0,), _NEW_NAMESPACES | _PIDFD | _PARENT),), ALLOW), _REFUSE),
    # Locks are taken for granted. A real one is memory that nobody counts, and can be seen by other
    # submissions where its file is one of the machine's; who locks here is alone with the file.
    "fcntl": (
        Case((Among(1, _FCNTL),), ALLOW),
        Case((Among(1, _LOCKS),), answer(0)),
        _REFUSE,
    ),
    "flock": _DONE,
    "futex": (Case((Among(1, _FUTEX, _FUTEX_KIND),), ALLOW), _REFUSE),
    "ioctl": _only(1, *_IOCTL),
    "madvise": _only(2, *_MADVICE),
    "prctl": _only(0, *_PRCTL),
    "prlimit64": _only(0, 0),
    "setsockopt": (
        Case((Among(1, (1,)), Among(2, _SOCKET_OPTIONS)), ALLOW),
        Case((Among(1, (_TCP,)), Among(2, (1,))), ALLOW),
        _REFUSE,
    ),
    "socket": _SOCKET,
    "socketpair": _SOCKET,
    # As on a file system without extended attributes: copying a file goes on without them.
    **dict.fromkeys(("setxattr", "lsetxattr", "fsetxattr"), _NO_ATTRIBUTES),
}


@cache
def filter_program(machine: str) -> bytes:
    """Return the filter for a machine, as the kernel takes it."""
    rules = {
        number: _RULES.get(name, always(ALLOW)) for name, number in numbers_on(machine).items()
    }
    newer = {number: rules.pop(number) for number in list(rules) if number > NEWEST}
    later = always(answer(errno.ENOSYS))
    for number in range(NEWEST + 1, max(newer, default=NEWEST) + 1):
        rules[number] = newer.get(number, later)
    return packed(filter_code(_AUDIT_ARCH[machine], rules, (max(rules) + 1, later)))


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def refuse_syscalls() -> None:
    """Let this process and all it starts make only the system calls that are listed, for good."""
    program = filter_program(os.uname().machine)
    buffer = ctypes.create_string_buffer(program, len(program))
    described = _FilterProgram(len(program) // 8, ctypes.addressof(buffer))
    result = LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(described), 0, 0)
    check(result, "system call filter")
