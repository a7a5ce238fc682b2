"""Shut a process into namespaces of its own; never decide what it may compute there."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import struct
from pathlib import Path

from autograder.sandbox.memory import MIB, held_data_bytes

_LIBC = ctypes.CDLL(None, use_errno=True)

_NEW_USER, _NEW_PID, _NEW_MOUNT, _NEW_IPC = 0x10000000, 0x20000000, 0x00020000, 0x08000000
_NEW_NETWORK = 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 2, 4, 8, 0x4000, 1 << 18
_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_CHILD_SUBREAPER = 4, 24, 38, 36
_CAPSET_SYSCALL = {"x86_64": 126, "aarch64": 91}
_CAP_LAST = 40

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# In the order: memfd_create, memfd_secret, shmget, add_key, request_key, keyctl, userfaultfd,
# io_uring_setup, bpf, perf_event_open, ptrace, process_vm_readv, process_vm_writev.
_REFUSED_SYSCALLS = {
    "x86_64": (319, 447, 29, 248, 249, 250, 323, 425, 321, 298, 101, 310, 311),
    "aarch64": (279, 447, 194, 217, 218, 219, 282, 425, 280, 241, 117, 270, 271),
}


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def adopt_orphans() -> None:
    """Make this process the parent of whatever its descendants leave behind."""
    _check(_LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "child subreaper")


def enter_new_namespaces() -> None:
    """Move this process to new user, mount and IPC namespaces, its children to a PID namespace."""
    _unshare(_NEW_USER | _NEW_PID | _NEW_MOUNT | _NEW_IPC)


def enter_new_network() -> None:
    """Move this process to a network of its own, where nothing and nobody is."""
    _unshare(_NEW_USER | _NEW_NETWORK)


def _unshare(namespaces: int) -> None:
    uid, gid = os.getuid(), os.getgid()
    _check(_LIBC.unshare(namespaces), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def _mount_tmpfs(target: str, size_mb: int) -> None:
    flags = _MS_NOSUID | _MS_NODEV
    data = f"size={size_mb}m,nr_inodes=16384,mode=1777".encode()
    _check(_LIBC.mount(b"tmpfs", target.encode(), b"tmpfs", flags, data), f"mount {target}")


def close_off(disk_mb: int) -> None:
    """As the first process of its PID namespace: empty /tmp, no /proc, no capabilities."""
    _check(_LIBC.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None), "private mounts")
    # Fewer kernel interfaces to attack: no further user namespaces, where we may say so.
    with contextlib.suppress(OSError):
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
    _mount_tmpfs("/tmp", disk_mb)
    _mount_tmpfs("/dev/shm", disk_mb)
    # A covered /proc shows neither the box's processes nor their memory and descriptors.
    _mount_tmpfs("/proc", 1)
    os.chmod("/proc", 0o555)
    drop_capabilities()
    refuse_syscalls()


def drop_capabilities() -> None:
    """Give up every capability for good."""
    for capability in range(_CAP_LAST + 1):
        _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    _check(_LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    header = struct.pack("<Ii", 0x20080522, 0)
    nothing = struct.pack("<6I", 0, 0, 0, 0, 0, 0)
    number = _CAPSET_SYSCALL[os.uname().machine]
    _check(_LIBC.syscall(number, header, nothing), "capset")


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def refuse_syscalls() -> None:
    """Refuse memory that belongs to no process, keys that outlive one, and rare ways to attack.

    Files in memory and System V segments are in no process's count, so no limit of ours sees them.
    """
    machine = os.uname().machine
    load, equal, greater, end = 0x20, 0x15, 0x35, 0x06
    permission_denied, allow = 0x00050001, 0x7FFF0000
    refused = _REFUSED_SYSCALLS[machine]
    count = len(refused)
    # Offset 4 of what a filter sees is the architecture, offset 0 the number. A jump counts the
    # instructions to skip; the last but one refuses, the last allows.
    program = [(load, 0, 0, 4), (equal, 0, count + 2, _AUDIT_ARCH[machine]), (load, 0, 0, 0)]
    program.append((greater, count, 0, 0x40000000))
    program += [(equal, count - place - 1, 0, one) for place, one in enumerate(refused[:-1])]
    program.append((equal, 0, 1, refused[-1]))
    program += [(end, 0, 0, permission_denied), (end, 0, 0, allow)]
    packed = b"".join(struct.pack("<HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(packed, len(packed))
    described = _FilterProgram(len(program), ctypes.addressof(buffer))
    result = _LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(described), 0, 0)
    _check(result, "system call filter")


def become_nobody() -> None:
    """Leave root: the box is opened as root only to mount its file system."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        # The change of user made /proc/self root's; namespaces need to write their maps there.
        _LIBC.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def limit_resources(memory_mb: int, cpu_s: float, disk_mb: int) -> None:
    """Set the hard limits of a submission's processes; memory counts from what they hold now."""
    data_limit = held_data_bytes() + memory_mb * MIB
    resource.setrlimit(resource.RLIMIT_DATA, (data_limit, data_limit))
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s) + 1, int(cpu_s) + 2))
    resource.setrlimit(resource.RLIMIT_FSIZE, (disk_mb * MIB, disk_mb * MIB))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))


def limit_processes(count: int) -> None:
    """Set how many processes and threads this user namespace may hold."""
    resource.setrlimit(resource.RLIMIT_NPROC, (count, count))


def limit_cpu(cpu_s: float) -> None:
    """Let the kernel signal when this process has used `cpu_s` more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = min(hard, int(used.ru_utime + used.ru_stime + cpu_s) + 1)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
