"""How much memory a process holds, in the units of the whole engine."""

from __future__ import annotations

from pathlib import Path

MIB = 2**20


def held_data_bytes() -> int:
    """Return what this process holds of the memory that RLIMIT_DATA counts, in bytes."""
    return int(_status_field("VmData")) * 1024


def _status_field(name: str) -> str:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return line.split()[1]
    raise KeyError(name)
