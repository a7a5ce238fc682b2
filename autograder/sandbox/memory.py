"""How much memory a process holds, in the units of the whole engine; and that it has run out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

MIB = 2**20

# Torch says so in a RuntimeError, of its own allocator or of C++'s.
_TORCH_WORDS = ("can't allocate memory", "not enough memory", "std::bad_alloc")


class MemoryRanOut(BaseException):
    """This process has run out of memory: whoever runs it must start another, for the same task.

    No Exception: nothing that a hidden test or a reference catches may keep it.
    """


def is_out_of_memory(error: BaseException | None) -> bool:
    """Say whether an error, or one that led to it, is that there was no memory left."""
    # Some chains are long, and a hand-made one may have no end.
    for _ in range(20):
        if error is None:
            return False
        told = isinstance(error, RuntimeError) and any(one in str(error) for one in _TORCH_WORDS)
        if told or isinstance(error, (MemoryError, MemoryRanOut)):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextlib.contextmanager
def own_work() -> Iterator[None]:
    """Raise MemoryRanOut where the work in here, which is the judge's own, finds no memory."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise MemoryRanOut(str(error)[:200]) from None
        raise


class HeldMemory:
    """What this process holds, measured against what it held when this was made."""

    def __init__(self) -> None:
        self._before = held_data_bytes()

    def grown_mb(self) -> float:
        """Return by how much this process has grown since then, in MiB; it may have shrunk."""
        return (held_data_bytes() - self._before) / MIB


def held_data_bytes() -> int:
    """Return what this process holds of the memory that RLIMIT_DATA counts, in bytes."""
    return int(_status_field("VmData")) * 1024


def _status_field(name: str) -> str:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return line.split()[1]
    raise KeyError(name)
