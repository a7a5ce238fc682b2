"""Shut a process into namespaces of its own; never decide what it may compute there."""

from __future__ import annotations

import contextlib
import os
import resource
import struct
from pathlib import Path

from autograder.sandbox.inside.libc import LIBC, check
from autograder.sandbox.inside.syscalls import refuse_syscalls
from autograder.sandbox.memory import MIB, held_data_bytes

_NEW_USER, _NEW_PID, _NEW_MOUNT, _NEW_IPC = 0x10000000, 0x20000000, 0x00020000, 0x08000000
_NEW_NETWORK = 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 2, 4, 8, 0x4000, 1 << 18
_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_CHILD_SUBREAPER = 4, 24, 38, 36
_CAPSET_SYSCALL = {"x86_64": 126, "aarch64": 91}
_CAP_LAST = 40
_SPARE_ADDRESSES = 8 * 2**30
_DESCRIPTORS, _LOCKED_BYTES, _PENDING_SIGNALS = 128, 2**16, 256


def adopt_orphans() -> None:
    """Make this process the parent of whatever its descendants leave behind."""
    check(LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "child subreaper")


def enter_new_namespaces() -> None:
    """Move this process to new user, mount and IPC namespaces, its children to a PID namespace."""
    _unshare(_NEW_USER | _NEW_PID | _NEW_MOUNT | _NEW_IPC)


def enter_new_network() -> None:
    """Move this process to a network of its own, where nothing and nobody is."""
    _unshare(_NEW_USER | _NEW_NETWORK)


def _unshare(namespaces: int) -> None:
    uid, gid = os.getuid(), os.getgid()
    check(LIBC.unshare(namespaces), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def _mount_tmpfs(target: str, size_mb: int) -> None:
    flags = _MS_NOSUID | _MS_NODEV
    data = f"size={size_mb}m,nr_inodes=16384,mode=1777".encode()
    check(LIBC.mount(b"tmpfs", target.encode(), b"tmpfs", flags, data), f"mount {target}")


def _mount_own_terminals() -> None:
    """Give this mount namespace terminals that no other sees; IPython's `!command` opens one.

    /dev/ptmx is a link into the folder. A terminal's queues are memory that nobody counts: 16.
    """
    data = b"newinstance,ptmxmode=0666,mode=0600,max=16"
    flags = _MS_NOSUID | _MS_NOEXEC
    check(LIBC.mount(b"devpts", b"/dev/pts", b"devpts", flags, data), "mount /dev/pts")


def close_off(disk_mb: int) -> None:
    """As the first process of its PID namespace: empty /tmp, no /proc, no capabilities.

    It has terminals of its own, and may make few system calls.
    """
    check(LIBC.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None), "private mounts")
    # Fewer kernel interfaces to attack: no further user namespaces, where we may say so.
    with contextlib.suppress(OSError):
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
    _mount_tmpfs("/tmp", disk_mb)
    _mount_tmpfs("/dev/shm", disk_mb)
    _mount_own_terminals()
    # A covered /proc shows neither the box's processes nor their memory and descriptors.
    _mount_tmpfs("/proc", 1)
    os.chmod("/proc", 0o555)
    drop_privileges()


def drop_privileges() -> None:
    """Leave this process no capability, and no system call that student code does not need."""
    drop_capabilities()
    refuse_syscalls()


def drop_capabilities() -> None:
    """Give up every capability for good."""
    for capability in range(_CAP_LAST + 1):
        LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    check(LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    header = struct.pack("<Ii", 0x20080522, 0)
    nothing = struct.pack("<6I", 0, 0, 0, 0, 0, 0)
    number = _CAPSET_SYSCALL[os.uname().machine]
    check(LIBC.syscall(number, header, nothing), "capset")


def become_nobody() -> None:
    """Leave root: the box is opened as root only to mount its file system."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        # The change of user made /proc/self root's; namespaces need to write their maps there.
        LIBC.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def limit_resources(memory_mb: int, cpu_s: float, disk_mb: int) -> None:
    """Set the hard limits of a submission's processes; memory counts from what they hold now."""
    memory = memory_mb * MIB
    hard = {
        resource.RLIMIT_DATA: held_data_bytes() + memory,
        # Of addresses honest code needs many times what it fills; page tables grow with them.
        resource.RLIMIT_AS: _mapped_bytes() + 4 * memory + _SPARE_ADDRESSES,
        resource.RLIMIT_FSIZE: disk_mb * MIB,
        resource.RLIMIT_CORE: 0,
        # Each descriptor may stand for a buffer in the kernel.
        resource.RLIMIT_NOFILE: _DESCRIPTORS,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_MEMLOCK: _LOCKED_BYTES,
        resource.RLIMIT_SIGPENDING: _PENDING_SIGNALS,
    }
    for kind, limit in hard.items():
        _, most = resource.getrlimit(kind)
        limit = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(kind, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s) + 1, int(cpu_s) + 2))


def _mapped_bytes() -> int:
    """Return how many bytes of addresses this process has mapped: what RLIMIT_AS counts."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def limit_processes(count: int) -> None:
    """Set how many processes and threads this user namespace may hold."""
    resource.setrlimit(resource.RLIMIT_NPROC, (count, count))


def limit_cpu(cpu_s: float) -> None:
    """Let the kernel signal when this process has used `cpu_s` more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = min(hard, int(used.ru_utime + used.ru_stime + cpu_s) + 1)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
