"""The warm parent: fork submissions and keep them within their limits; never run student code."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, Literal

from autograder.sandbox.inside import namespaces, processes
from autograder.sandbox.inside.cells import serve_submission
from autograder.sandbox.inside.shell import BoxShell
from autograder.sandbox.limits import Limits
from autograder.sandbox.wire.frames import PeerClosed, receive_frame, send_frame
from autograder.sandbox.wire.messages import Used, UsedNow

_WATCH_INTERVAL_S = 0.04
# The mappings of few processes cannot be much; those of many are counted at every fifth look.
_FEW_PROCESSES, _LOOKS_TO_MAPPINGS = 8, 5


class WarmParent:
    """One submission at a time: started, watched, swept between exercises, stopped."""

    def __init__(self, control: socket.socket, shell: BoxShell, nested: bool, walled: bool) -> None:
        self._control = control
        self._shell = shell
        self._nested = nested
        self._walled = walled
        self._looks = 0
        self._mappings_mb = 0.0
        self._baseline_mb = processes.held_mb(os.getpid())
        self._submission: int | None = None
        self._limits = Limits()
        self._folder: Path | None = None
        self._over: Literal["memory", "processes", "cpu"] | None = None
        self._peak_mb = 0.0
        self._cpu_s = 0.0

    def serve(self) -> None:
        """Obey the judge until it hangs up."""
        while True:
            timeout = _WATCH_INTERVAL_S if self._submission is not None else None
            readable, _, _ = select.select([self._control], [], [], timeout)
            if self._submission is not None:
                self._watch()
            if not readable:
                continue
            try:
                frame = receive_frame(self._control, max_block_bytes=0)
            except PeerClosed:
                self._stop()
                return
            send_frame(self._control, self._obey(frame.header))

    def _obey(self, header: dict[str, Any]) -> Used | UsedNow:
        what = header["do"]
        if what == "start":
            _, descriptors, _, _ = socket.recv_fds(self._control, 1, 1)
            self._start(Limits(**header["limits"]), header["files"], descriptors[0])
        elif what == "interrupt" and self._submission is not None:
            os.kill(self._submission, signal.SIGINT)
        elif what == "sweep":
            self._sweep()
        elif what == "stop":
            self._stop()
        elif what == "usage":
            return self._usage()
        over, self._over = self._over, None
        return {"over": over, "peak_mb": round(self._peak_mb, 1), "cpu_s": round(self._cpu_s, 2)}

    def _usage(self) -> UsedNow:
        """Return the processor time of the submission process, and of what it has started."""
        started = [pid for pid in processes.descendants(os.getpid()) if pid != self._submission]
        own = [] if self._submission is None else [self._submission]
        return {
            "cells_cpu_s": processes.usage(own, 0.0).cpu_s,
            "exercise_cpu_s": processes.usage(started, 0.0).cpu_s,
        }

    def _start(self, limits: Limits, files: list[str], descriptor: int) -> None:
        self._stop()
        self._limits, self._peak_mb, self._cpu_s, self._over = limits, 0.0, 0.0, None
        self._mappings_mb = 0.0
        self._folder = None if self._nested else Path(tempfile.mkdtemp(prefix="submission-"))
        read_end, write_end = os.pipe()
        first = os.fork()
        if first == 0:
            os.close(read_end)
            self._control.close()
            self._become_submission(files, descriptor, write_end)
        os.close(write_end)
        os.close(descriptor)
        with os.fdopen(read_end, "rb") as pipe:
            said = pipe.read(32)
        os.waitpid(first, 0)
        if not said:
            raise OSError("the submission process did not start")
        self._submission = int(said)

    def _become_submission(self, files: list[str], descriptor: int, write_end: int) -> None:
        """In a new process: enter namespaces, fork their first process, and go."""
        try:
            os.setsid()
            namespaces.limit_resources(
                self._limits.memory_mb, self._limits.submission_cpu_s, self._limits.disk_mb
            )
            if self._nested:
                namespaces.enter_new_namespaces()
            submission = os.fork()
            if submission != 0:
                os.write(write_end, str(submission).encode())
                os._exit(0)
            os.close(write_end)
            self._run_submission(files, descriptor)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)

    def _run_submission(self, files: list[str], descriptor: int) -> None:
        if self._nested:
            data = {name: Path(name).read_bytes() for name in files}
            namespaces.limit_processes(self._limits.processes)
            namespaces.close_off(self._limits.disk_mb)
            work = Path("/tmp/work")
            work.mkdir()
            for name, content in data.items():
                (work / Path(name).name).write_bytes(content)
        else:
            assert self._folder is not None
            work = self._folder
            for name in files:
                shutil.copy(name, work)
            if self._walled:
                namespaces.drop_privileges()
        os.chdir(work)
        os.environ["HOME"] = str(work)
        # As in Jupyter: what a cell writes beside the notebook can be imported.
        sys.path.insert(0, "")
        silence = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(silence, number)
        serve_submission(socket.socket(fileno=descriptor), self._shell, self._limits)

    def _watch(self) -> None:
        """End what uses more than it may: the exercise's processes first, then the submission."""
        pids = processes.descendants(os.getpid())
        used = processes.usage(pids, self._baseline_mb)
        of_kernel_mb = processes.sockets_mb() + self._mappings(pids)
        memory_mb = used.memory_mb + of_kernel_mb
        if memory_mb > self._limits.memory_mb:
            # What a notebook holds is in each of its processes. To look closer takes longer.
            own_mb = processes.own_mb(pids, os.getpid())
            memory_mb = memory_mb if own_mb is None else min(memory_mb, own_mb + of_kernel_mb)
        self._peak_mb = max(self._peak_mb, memory_mb)
        self._cpu_s = max(self._cpu_s, used.cpu_s)
        if memory_mb > self._limits.memory_mb:
            self._over = "memory"
        elif used.threads > self._limits.processes:
            self._over = "processes"
        elif used.cpu_s > self._limits.submission_cpu_s:
            self._over = "cpu"
        else:
            return
        if pids == [self._submission] or self._over == "cpu":
            self._kill(frozenset())
        else:
            self._sweep()

    def _mappings(self, pids: list[int]) -> float:
        """Return what the mappings of many processes took at the last count, in MiB."""
        if len(pids) <= _FEW_PROCESSES:
            return 0.0
        self._looks += 1
        if self._looks % _LOOKS_TO_MAPPINGS == 0:
            self._mappings_mb = processes.mappings_mb(pids, self._limits.memory_mb)
        return self._mappings_mb

    def _sweep(self) -> None:
        """Kill everything but the submission process itself."""
        if self._submission is not None:
            self._kill(frozenset({self._submission}))

    def _kill(self, spared: frozenset[int]) -> None:
        if not processes.kill_all(os.getpid(), spared):
            # Something that cannot be killed is left: nobody may use this box again.
            os._exit(1)
        if self._submission not in processes.descendants(os.getpid()):
            self._submission = None

    def _stop(self) -> None:
        if processes.descendants(os.getpid()):
            used = processes.usage(processes.descendants(os.getpid()), self._baseline_mb)
            self._cpu_s = max(self._cpu_s, used.cpu_s)
            self._kill(frozenset())
        processes.reap()
        self._submission = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
