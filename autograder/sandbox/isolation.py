"""How student code is shut off from this machine."""

from enum import StrEnum


class Isolation(StrEnum):
    """`NONE` protects nothing: an explicit choice, written into every result."""

    BOX = "box"
    NONE = "none"
