"""Run a grader as a process of its own: clock, processor time by part, memory. Reads no scores."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
import psutil

_SCRIPTS = Path(sys.executable).parent
# From <linux/prctl.h>: orphans among our descendants become our children.
_PR_SET_CHILD_SUBREAPER = 36
# Every grader computes with one thread a process, as the engine does.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# The writer holds it open.
_WRITER_LOCK = ".gradebook.lock"
_MIB = 2**20
_SLOW_S = 1.0
PARTS = ("coordinator", "judges", "boxes", "writer")


@dataclass(frozen=True)
class Sample:
    """Processor seconds and resident MiB of a grader's processes so far, by part."""

    time: float
    cpu: dict[str, float]
    rss_mb: dict[str, float]
    pss_mb: float
    """Of the coordinator alone: what it shares with others counts in part."""


@dataclass(frozen=True)
class Run:
    """A grader's run over the class, as a process of its own."""

    started: float
    seconds: float
    cpu_seconds: float
    exit_code: int
    output: str = ""
    lines: list[tuple[float, str]] = field(default_factory=list)
    """What it wrote to its standard error, and when."""
    samples: list[Sample] = field(default_factory=list)

    def cpu_until(self, moment: float) -> float:
        """Return the processor seconds that its processes had taken at a moment."""
        before = [sum(one.cpu.values()) for one in self.samples if one.time <= moment]
        return before[-1] if before else 0.0

    def cpu_by_part(self) -> dict[str, float]:
        """Return processor seconds by part; what came after the last sample is the boxes'."""
        seen = self.samples[-1].cpu if self.samples else dict.fromkeys(PARTS, 0.0)
        return {**seen, "boxes": self.cpu_seconds - sum(seen.values()) + seen["boxes"]}


def become_subreaper() -> None:
    """Become the parent of what outlives its own parent: boxes would count for nothing else.

    bubblewrap does not wait for its sandbox.
    """
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run(
    folder: Path,
    *command: str | Path,
    allowed: tuple[int, ...] = (0,),
    watch_every_s: float = 0.0,
    echoes: bool = False,
    **variables: str,
) -> Run:
    """Run a command in a folder; time it, its descendants included; watch them where asked to.

    A command without a folder is one of this environment's. `echoes` shows its progress.
    """
    program = Path(command[0])
    program = program if program.is_absolute() else _SCRIPTS / program
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryFile("w+") as output:
        started = time.time()
        process = subprocess.Popen(
            [program, *command[1:]],
            cwd=folder,
            env={**os.environ, **_ONE_THREAD, "PATH": path, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        )
        listener, watcher = _Listener(process, echoes), _Watcher(process.pid, watch_every_s)
        cpu_seconds = _wait(process)
        seconds = time.time() - started
        watcher.stop()
        cpu_seconds += _strays_cpu_seconds()
        listener.join()
        output.seek(0)
        text = output.read()
    if process.returncode not in allowed:
        said = [*text.splitlines(), *(line for _, line in listener.lines)]
        words = f"{' '.join(map(str, command))} ended with exit code {process.returncode}"
        raise click.ClickException("\n".join([f"{words}:", *said[-15:]]))
    lines, samples = listener.lines, watcher.samples
    return Run(started, seconds, cpu_seconds, process.returncode, text, lines, samples)


def _wait(process: subprocess.Popen[str]) -> float:
    """Wait for a process; return the processor time of it and of what it has waited for."""
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        process.terminate()
        process.wait()
        # The folder they work in goes next.
        _strays_cpu_seconds()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def _strays_cpu_seconds() -> float:
    """Wait for descendants that outlived their parents; return the processor time they took."""
    cpu_seconds = 0.0
    while True:
        try:
            _, _, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return cpu_seconds
        cpu_seconds += usage.ru_utime + usage.ru_stime


class _Listener(threading.Thread):
    """Keeps the lines of a process' standard error with the time at which each came."""

    def __init__(self, process: subprocess.Popen[str], echoes: bool) -> None:
        super().__init__(daemon=True)
        self.lines: list[tuple[float, str]] = []
        self._process, self._echoes = process, echoes
        self.start()

    def run(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.lines.append((time.time(), line.rstrip("\n")))
            if self._echoes:
                click.echo(f"  {line}", nl=False, err=True)
        self._process.stderr.close()


class _Watcher(threading.Thread):
    """Samples a grader's process tree until it is told to stop."""

    def __init__(self, pid: int, every_s: float) -> None:
        super().__init__(daemon=True)
        self.samples: list[Sample] = []
        self._pid, self._every_s, self._done = pid, every_s, threading.Event()
        # A process that ended keeps what it had taken. Boxes' processes are too many and too short
        # for that: their parents count them.
        self._own: dict[int, tuple[str, float]] = {}
        self._boxes = 0.0
        self._writer = -1
        if every_s > 0:
            self.start()

    def stop(self) -> None:
        self._done.set()
        if self.ident is not None:
            self.join()

    def run(self) -> None:
        while not self._done.wait(self._every_s):
            sample = self._sample()
            if sample is not None:
                self.samples.append(sample)

    def _sample(self) -> Sample | None:
        rss, boxes = dict.fromkeys(PARTS, 0.0), 0.0
        try:
            for part, pid in self._members():
                process = psutil.Process(pid)
                times = process.cpu_times()
                own = times.user + times.system
                if part == "boxes":
                    boxes += own + times.children_user + times.children_system
                else:
                    self._own[pid] = (part, own)
                rss[part] += process.memory_info().rss / _MIB
            # Reading it holds the process up: not where time is measured.
            pss_mb = _pss_mb(self._pid) if self._every_s >= _SLOW_S else 0.0
        except (psutil.Error, OSError):
            # A process ended while it was looked at: the next sample comes soon.
            return None
        self._boxes = max(self._boxes, boxes)
        cpu = {part: sum(own for of, own in self._own.values() if of == part) for part in PARTS}
        return Sample(time.time(), {**cpu, "boxes": self._boxes}, rss, pss_mb)

    def _members(self) -> Iterator[tuple[str, int]]:
        """Yield the grader's processes, each with its part of the work."""
        yield "coordinator", self._pid
        for child in _children(self._pid):
            if Path(f"/proc/{child}/comm").read_text().strip() == "bwrap":
                yield "boxes", child
                for below in _descendants(child):
                    yield "boxes", below
            else:
                yield "writer" if self._is_writer(child) else "judges", child

    def _is_writer(self, pid: int) -> bool:
        if self._writer == -1:
            opened = [os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir()]
            if any(name.endswith(_WRITER_LOCK) for name in opened):
                self._writer = pid
        return pid == self._writer


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in found for child in path.read_text().split()]


def _descendants(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield child
        yield from _descendants(child)


def _pss_mb(pid: int) -> float:
    """Return a process' own share of the memory it uses."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
