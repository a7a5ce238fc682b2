"""What student code hands to a stand-in beside numbers: functions of its own, and generators.

A function stays where it is and goes by its number. A generator goes by its state, and comes back
in the one that draws have brought it to.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from autograder.sandbox.wire.generator_states import generator_of, state_of
from autograder.sandbox.wire.results_out import Decoder, Encoder

GENERATORS = (torch.Generator, np.random.Generator)

_NUMBER = re.compile("[0-9]{1,5}")
_MAX_GENERATORS = 8


@dataclass(frozen=True)
class Handed:
    """A function of the box's, by its number, where nobody is to call it."""

    number: int


@dataclass
class HandingEncoder(Encoder):
    """Encode arguments of a stand-in; runs in the box."""

    functions: list[Any] = field(default_factory=list)
    """The functions met that the judge did not give; a node has its place in this list."""
    generators: list[Any] = field(default_factory=list)
    """The generators met, in order."""

    def _other(self, value: Any, depth: int) -> dict[str, Any]:
        if callable(value):
            self.functions.append(value)
            return {"kind": "handed", "value": str(len(self.functions) - 1)}
        if isinstance(value, GENERATORS) and len(self.generators) < _MAX_GENERATORS:
            self.generators.append(value)
            return {"kind": "generator", "value": self._node(state_of(value), depth + 1)}
        return super()._other(value, depth)


@dataclass
class HandedDecoder(Decoder):
    """Decode arguments of a stand-in; as much an enemy's as a result is."""

    function: Callable[[int], Any] = Handed
    """Makes what stands for a function of the box's."""
    generators: list[Any] = field(default_factory=list)
    """The generators made, in order."""

    def _other(self, kind: Any, content: Any) -> Any:
        if kind == "handed" and isinstance(content, str) and _NUMBER.fullmatch(content):
            return self.function(int(content))
        # A state holds no generator: so they do not nest.
        if kind == "generator" and not self.in_state and len(self.generators) < _MAX_GENERATORS:
            self.generators.append(generator_of(self.state(content)))
            return self.generators[-1]
        return super()._other(kind, content)
