"""Run each chapter with our answers in place, once, for the pictures of its page.

python scripts/docs_site/previews.py [CHAPTER ...]
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from autograder.atomic_files import write_whole
from autograder.course.files import Assignment, find_course

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".autograder" / "previews"


def shown_notebook(assignment: Assignment) -> dict[str, Any]:
    """Return a chapter without answers: with what they draw, where it has run as it is now."""
    path = _kept(assignment)
    path = path if path.is_file() else assignment.release_notebook
    return json.loads(path.read_bytes())


def _kept(assignment: Assignment) -> Path:
    """Return where the run of a chapter as it is built now is kept."""
    built = sorted(path for path in assignment.source_notebook.parent.iterdir() if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in built)).hexdigest()[:16]
    return KEPT / f"{assignment.name}-{digest}.ipynb"


def run(assignment: Assignment) -> None:
    """Run a chapter and keep what it shows, without answers; drop what was kept of it before."""
    from autograder.course.made_up import notebook_bytes
    from autograder.course.preview import faults, preview

    notebook = preview(assignment, without_answers=True)
    if found := faults(notebook):
        sys.exit("\n".join([f"{assignment.name} does not run:", *found]))
    KEPT.mkdir(parents=True, exist_ok=True)
    for old in KEPT.glob(f"{assignment.name}-*.ipynb"):
        old.unlink()
    write_whole(_kept(assignment), notebook_bytes(notebook))


def main(names: tuple[str, ...]) -> None:
    """Run the chapters that have changed; say which, for some take a minute."""
    for assignment in find_course(ROOT).chosen(names):
        if not _kept(assignment).is_file():
            print(f"running {assignment.name} for its pictures", file=sys.stderr)
            run(assignment)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
