"""How a class is graded: what the command line says of it."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.isolation import Isolation
from autograder.limits import Limits


@dataclass(frozen=True)
class ClassSettings:
    """How a class is graded."""

    jobs: int
    isolation: Isolation
    limits: Limits
    force: bool = False
    """Grade again what has not changed."""
    cluster: str | None = None
    """The address of the Dask scheduler whose workers grade, in place of this machine."""

    @property
    def jobs_here(self) -> int:
        """How many judges work on this machine."""
        return 0 if self.cluster is not None else self.jobs
