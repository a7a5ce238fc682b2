"""How many processes the machine has killed for want of memory: only then is a loss its doing."""

from __future__ import annotations

from pathlib import Path

_COUNTERS = Path("/proc/vmstat")


def machine_kills() -> int:
    """Return the kernel's count of such kills; 0 where it keeps none."""
    try:
        for line in _COUNTERS.read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    except (OSError, ValueError):
        pass
    return 0
