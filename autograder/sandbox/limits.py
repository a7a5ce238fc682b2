"""What student code may use: one place for every limit and its default."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Limits:
    """Limits of one submission. Times in seconds, sizes in MiB."""

    call_wall_s: float = 10.0
    """Wall time of one call of a student's function."""
    call_cpu_s: float = 10.0
    """CPU time of one call."""
    cell_wall_s: float = 60.0
    """Wall time of one cell."""
    cell_cpu_s: float = 60.0
    """CPU time of one cell."""
    submission_wall_s: float = 300.0
    """Wall time of a submission, all its cells and calls."""
    submission_cpu_s: float = 300.0
    """CPU time of a submission, over all its processes."""
    memory_mb: int = 2048
    """Memory of a submission beyond what the box holds before it starts."""
    processes: int = 64
    """Processes and threads of a submission at one time."""
    disk_mb: int = 64
    """Files a submission may write."""
    output_mb: float = 1.0
    """Text a cell may print; pictures are counted apart, eight times as much."""
    reply_mb: int = 64
    """One result of a student's function."""
    notebook_mb: int = 32
    """A submitted notebook's file."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                raise ValueError(f"limit {field.name} must be above 0")
