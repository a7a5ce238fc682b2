"""When Python looks for garbage: not while modules are imported, nor in what forks share."""

from __future__ import annotations

import gc


def put_off_collecting() -> None:
    """Look for no garbage: imports make none, and pay for the search with a tenth of their time."""
    gc.disable()


def share_memory() -> None:
    """Look for garbage from now on, but in nothing that is here: forks share its pages."""
    gc.freeze()
    gc.enable()
