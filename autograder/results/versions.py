"""What must be the same on every machine of a cluster, or results would differ."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from autograder.grading.fingerprints import engine_hash

# Pictures among the outputs are matplotlib's; numbers come from the others.
_PACKAGES = ("matplotlib", "numpy", "scipy", "torch")


@cache
def versions() -> dict[str, str]:
    """Return the versions of what makes a result on this machine."""
    found = {"engine": engine_hash(), "python": platform.python_version()}
    return found | {name: _version(name) for name in _PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def difference(ours: dict[str, str], theirs: dict[str, str]) -> str:
    """Say in which versions two machines differ; nothing where they do not."""
    return ", ".join(
        f"{name} {theirs.get(name, 'unknown')} where this machine has {here}"
        for name, here in ours.items()
        if theirs.get(name) != here
    )
