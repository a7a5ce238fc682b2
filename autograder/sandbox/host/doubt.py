"""Tell what may be the machine's doing from a student's: only that is run a second time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autograder.sandbox.host.box import Box
from autograder.sandbox.host.cgroups import machine_kills

# A function that computes gets this share of a processor on a machine with nothing else to do.
_FAIR_SHARE = 0.8


@dataclass
class Doubt:
    """What of one run of a submission may have been spoilt by the machine."""

    box: Box
    may_doubt: bool = False
    """Whether another run can go on where the machine may have cost it points."""
    may_break_off: bool = False
    """Whether another box can take the place of one that ends."""
    is_there: bool = False
    """Something ended for a reason that may be the machine's: too little processor time, a kill."""
    _kills: int = 0
    _deaths: int = 0

    def begin(self) -> None:
        """Begin the run: what comes now is compared with how the machine is."""
        self._deaths, self._kills = self.box.deaths, machine_kills()

    @property
    def broke_off(self) -> bool:
        """Whether what is seen from now on may be the machine's doing: it is not to be counted."""
        return self.is_there or self.box_ended

    @property
    def box_ended(self) -> bool:
        """Whether its box ended under it, and another may take its place."""
        return self.may_break_off and self.box.deaths != self._deaths

    def vanished(self) -> None:
        """A process ended by itself: doubt that where the machine has killed any."""
        if machine_kills() != self._kills:
            self.is_there = self.may_doubt

    def timed_out(self, of: Literal["cells", "exercise"], limit_s: float, earlier_s: float) -> None:
        """A time limit was reached: doubt that where the code had too little processor time."""
        if self.box.cpu_seconds(of) - earlier_s < _FAIR_SHARE * limit_s:
            self.is_there = self.may_doubt
