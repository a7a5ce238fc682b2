"""How student code is shut off from this machine."""

from enum import StrEnum


class Isolation(StrEnum):
    """`NONE` protects nothing: an explicit choice, written into every result."""

    BOX = "box"
    NONE = "none"


BOX_AND_CGROUP = "box+cgroup"
"""What a result says where each submission was in a control group too; nobody asks for it."""
