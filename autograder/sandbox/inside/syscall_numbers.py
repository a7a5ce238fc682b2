"""The system calls that student code needs, by name, with their numbers; never more than these.

What is not here does not exist for a submission. Found by tracing numpy, torch, scipy, matplotlib,
IPython, subprocess, multiprocessing and asyncio at honest work; see docs/decisions/0023.
"""

from __future__ import annotations

MACHINES = ("x86_64", "aarch64")
"""The machines whose numbers are known, in the order of the table's columns."""

# By theme: name, number on x86_64, number on aarch64; a dash where that machine has no such call.
_TABLE = {
    "open files": """
        read 0 63, write 1 64, pread64 17 67, pwrite64 18 68, readv 19 65, writev 20 66,
        preadv 295 69, pwritev 296 70, lseek 8 62, open 2 -, openat 257 56, creat 85 -, close 3 57,
        close_range 436 436, dup 32 23, dup2 33 -, dup3 292 24, fcntl 72 25, flock 73 32,
        ioctl 16 29, fsync 74 82, fdatasync 75 83, truncate 76 45, ftruncate 77 46,
        fallocate 285 47, sendfile 40 71, copy_file_range 326 285, pipe 22 -, pipe2 293 59
    """,
    "files by name": """
        stat 4 -, fstat 5 80, lstat 6 -, newfstatat 262 79, statx 332 291, statfs 137 43,
        fstatfs 138 44, access 21 -, faccessat 269 48, faccessat2 439 439, getdents 78 -,
        getdents64 217 61, getcwd 79 17, chdir 80 49, fchdir 81 50, mkdir 83 -, mkdirat 258 34,
        rmdir 84 -, rename 82 -, renameat 264 38, renameat2 316 276, link 86 -, linkat 265 37,
        symlink 88 -, symlinkat 266 36, readlink 89 -, readlinkat 267 78, unlink 87 -,
        unlinkat 263 35, chmod 90 -, fchmod 91 52, fchmodat 268 53, fchmodat2 452 452, chown 92 -,
        fchown 93 55, lchown 94 -, fchownat 260 54, umask 95 166, utime 132 -, utimes 235 -,
        futimesat 261 -, utimensat 280 88, mknod 133 -, mknodat 259 33, getxattr 191 8,
        lgetxattr 192 9, fgetxattr 193 10, listxattr 194 11, llistxattr 195 12, flistxattr 196 13,
        setxattr 188 5, lsetxattr 189 6, fsetxattr 190 7
    """,
    "memory": """
        brk 12 214, mmap 9 222, mprotect 10 226, munmap 11 215, mremap 25 216, msync 26 227,
        madvise 28 233
    """,
    "processes and threads": """
        fork 57 -, vfork 58 -, clone 56 220, clone3 435 435, execve 59 221, exit 60 93,
        exit_group 231 94, wait4 61 260, waitid 247 95, getpid 39 172, getppid 110 173,
        gettid 186 178, getpgid 121 155, getpgrp 111 -, setpgid 109 154, getsid 124 156,
        setsid 112 157, getuid 102 174, geteuid 107 175, getgid 104 176, getegid 108 177,
        getresuid 118 148, getresgid 120 150, getgroups 115 158, capget 125 90, prctl 157 167,
        arch_prctl 158 -, set_tid_address 218 96, set_robust_list 273 99, get_robust_list 274 100,
        rseq 334 293, futex 202 98, sched_yield 24 124, sched_getaffinity 204 123,
        sched_setaffinity 203 122, sched_getparam 143 121, sched_getscheduler 145 120,
        sched_get_priority_max 146 125, sched_get_priority_min 147 126,
        sched_rr_get_interval 148 127, getpriority 140 141, getcpu 309 168, getrlimit 97 163,
        setrlimit 160 164, prlimit64 302 261, getrusage 98 165, times 100 153, sysinfo 99 179,
        uname 63 160, getrandom 318 278
    """,
    "signals": """
        rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigreturn 15 139, rt_sigpending 127 136,
        rt_sigtimedwait 128 137, rt_sigsuspend 130 133, sigaltstack 131 132, kill 62 129,
        tkill 200 130, tgkill 234 131, pause 34 -, restart_syscall 219 128
    """,
    "time": """
        time 201 -, gettimeofday 96 169, clock_gettime 228 113, clock_getres 229 114,
        clock_nanosleep 230 115, nanosleep 35 101, alarm 37 -, getitimer 36 102, setitimer 38 103,
        timerfd_create 283 85, timerfd_settime 286 86, timerfd_gettime 287 87
    """,
    "waiting, and sockets": """
        poll 7 -, ppoll 271 73, select 23 -, pselect6 270 72, epoll_create 213 -,
        epoll_create1 291 20, epoll_ctl 233 21, epoll_wait 232 -, epoll_pwait 281 22,
        epoll_pwait2 441 441, eventfd 284 -, eventfd2 290 19, signalfd 282 -, signalfd4 289 74,
        socket 41 198, socketpair 53 199, bind 49 200, listen 50 201, accept 43 202,
        accept4 288 242, connect 42 203, shutdown 48 210, getsockname 51 204, getpeername 52 205,
        getsockopt 55 209, setsockopt 54 208, sendto 44 206, recvfrom 45 207, sendmsg 46 211,
        recvmsg 47 212
    """,
}

NEWEST = 450
"""Calls with higher numbers came later; to a program they are as in a kernel that lacks them."""


def numbers_on(machine: str) -> dict[str, int]:
    """Return the number of each call that this machine has, by its name."""
    column = 1 + MACHINES.index(machine)
    rows = [row.split() for text in _TABLE.values() for row in text.split(",")]
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}
