"""Make Gradescope's autograder zip: scripts, pinned requirements, the engine, one assignment.

The form: https://gradescope-autograders.readthedocs.io/en/latest/specs/ The same course and
engine give the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

import autograder
from autograder.course.files import Assignment
from autograder.errors import AutograderError
from autograder.exports.gradescope_results import Visibility
from autograder.exports.gradescope_run import SETTINGS_NAME
from autograder.sandbox.isolation import Isolation

_ENGINE = Path(autograder.__file__).parent
_SCRIPTS = ("setup.sh", "run_autograder")
_SKIPPED = {"__pycache__", ".ipynb_checkpoints"}
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)

# What grading imports; what these need themselves is found by their metadata.
_GRADING_NEEDS = (
    "click",
    "cloudpickle",
    "ipython",
    "matplotlib",
    "matplotlib-inline",
    "nbformat",
    "numpy",
    "packaging",
    "pydantic",
    "pytest",
    "rich",
    "safetensors",
    "scipy",
    "torch",
    "traitlets",
)


def gradescope_zip(assignment: Assignment, isolation: Isolation, visibility: Visibility) -> bytes:
    """Return the zip's bytes; its files are at its root, as Gradescope wants them."""
    settings = {
        "assignment": assignment.name,
        "isolation": str(isolation),
        "visibility": str(visibility),
    }
    files: dict[str, bytes] = {
        SETTINGS_NAME: json.dumps(settings, indent=1).encode() + b"\n",
        "requirements.txt": "".join(f"{line}\n" for line in pinned_requirements()).encode(),
    }
    for name in _SCRIPTS:
        files[name] = (_ENGINE / "exports" / "templates" / name).read_bytes()
    for path in _below(_ENGINE):
        files[f"engine/autograder/{path.relative_to(_ENGINE).as_posix()}"] = path.read_bytes()
    root = assignment.course.root
    for path in _course_files(assignment):
        files[f"course/{path.relative_to(root).as_posix()}"] = path.read_bytes()
    return _zipped(files)


def _course_files(assignment: Assignment) -> Iterator[Path]:
    """Yield what grading one assignment needs of its course; refuse where it is not there."""
    course = assignment.course
    needed = [
        course.config,
        assignment.solutions,
        assignment.hidden_tests,
        assignment.known_answers,
        assignment.release_notebook,
    ]
    for path in needed:
        if not path.is_file():
            raise AutograderError(f"there is no {path}: run `autograder build {assignment.name}`")
    yield from needed
    notebook = assignment.release_notebook
    yield from (path for path in _below(notebook.parent) if path != notebook)
    yield from _below(course.data)


def _below(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, in order; links could lead out of it."""
    for path in sorted(folder.rglob("*")):
        is_skipped = _SKIPPED.intersection(path.relative_to(folder).parts)
        if path.is_file() and not path.is_symlink() and not is_skipped:
            yield path


def _zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _FIRST_DAY)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, whatever made it: the modes below are Unix's.
            entry.external_attr = (0o100755 if name in _SCRIPTS else 0o100644) << 16
            archive.writestr(entry, file)
    return content.getvalue()


def pinned_requirements() -> list[str]:
    """Return what grading needs, with all that it needs in turn, at the versions of here."""
    found: dict[str, str] = {}
    waiting = [Requirement(name) for name in _GRADING_NEEDS]
    while waiting:
        requirement = waiting.pop()
        name = requirement.name.lower().replace("_", "-").replace(".", "-")
        if name in found:
            continue
        package = metadata.distribution(requirement.name)
        # A build of this machine, 2.13.0+cpu say, may not be what is to be had elsewhere.
        found[name] = package.version.partition("+")[0]
        for text in package.requires or []:
            needed = Requirement(text)
            environments = ({"extra": extra} for extra in ("", *requirement.extras))
            if needed.marker is None or any(map(needed.marker.evaluate, environments)):
                waiting.append(needed)
    return [f"{name}=={version}" for name, version in sorted(found.items())]
