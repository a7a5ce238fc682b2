"""What grading has, Python and packages, and what it has not: told where an error comes of it."""

from __future__ import annotations

import re
import sys

from autograder.results.versions import PACKAGES, versions

_SYNTAX = re.compile(r"\b(?:SyntaxError|IndentationError|TabError)\b")
_GPU = re.compile(
    r"\bCUDA\b|\bcuda\b|\bNVIDIA\b|\b(?:MPS|mps|XPU|xpu|HIP|hip) (?:backend|device)|"
    r"support for mps"
)
_NETWORK = re.compile(
    r"name resolution|Network is unreachable|urlopen error|Max retries exceeded|\bgaierror\b"
)
_NO_MODULE = re.compile(r"No module named ['\"]|\bModuleNotFoundError\b")
# Of a name that another version has: the module it was looked for in.
_NO_NAME = re.compile(
    r"module ['\"](\w+)[\w.]*['\"] has no attribute|cannot import name \S+ from ['\"](\w+)"
)


def python_here() -> str:
    """Return the Python that grading runs, as `Python 3.11`."""
    return f"Python {sys.version_info.major}.{sys.version_info.minor}"


def packages_here() -> str:
    """Return the packages that grading has beside Python's own, with their versions."""
    *most, last = (f"{name} {_version(name)}" for name in PACKAGES)
    return f"{', '.join(most)} and {last}"


def _version(package: str) -> str:
    # What comes after a `+` says how it was built.
    return versions()[package].partition("+")[0]


def what_grading_has(message: str) -> str:
    """Say what of grading an error message may come of; nothing where none of it."""
    if _SYNTAX.search(message):
        return f"Grading runs {python_here()}: what only a later one reads is an error there."
    if _GPU.search(message):
        return "Grading has no GPU: let it compute on the CPU where there is none."
    if _NETWORK.search(message):
        return "Grading has no network."
    if _NO_MODULE.search(message):
        return f"Grading has {packages_here()}, beside {python_here()}'s own modules."
    return _of_versions(message)


def _of_versions(message: str) -> str:
    found = _NO_NAME.search(message)
    module = (found[1] or found[2]) if found else ""
    if module in PACKAGES:
        return f"Grading has {module} {_version(module)}."
    return f"Grading runs {python_here()}." if module in sys.stdlib_module_names else ""
