"""Run each chapter with our answers in place, once, for the pictures of its page.

python scripts/docs_site/previews.py [CHAPTER ...]
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from autograder.course.files import Assignment, find_course

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".autograder" / "previews"


def kept(assignment: Assignment) -> Path:
    """Return where the run of a chapter as it is now is kept."""
    built = assignment.source_notebook
    files = sorted(path for path in built.parent.iterdir() if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    return KEPT / f"{assignment.name}-{digest}.ipynb"


def solved_notebook(assignment: Assignment) -> dict[str, Any] | None:
    """Return the chapter as it ran with our answers in place, or None where it did not run yet."""
    path = kept(assignment)
    return json.loads(path.read_bytes()) if path.is_file() else None


def run(assignment: Assignment) -> None:
    """Run a chapter's source notebook and keep it with what it shows; drop what was kept before."""
    import nbformat
    from nbclient import NotebookClient

    from autograder.atomic_files import write_whole

    notebook = nbformat.read(assignment.source_notebook, as_version=4)
    folder = str(assignment.source_notebook.parent)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}}).execute()
    KEPT.mkdir(parents=True, exist_ok=True)
    for old in KEPT.glob(f"{assignment.name}-*.ipynb"):
        old.unlink()
    write_whole(kept(assignment), nbformat.writes(notebook).encode())


def main(names: tuple[str, ...]) -> None:
    """Run what has changed; say which, for it takes about a minute a chapter."""
    for assignment in find_course(ROOT).chosen(names):
        if not kept(assignment).is_file():
            print(f"running {assignment.name} for its pictures", file=sys.stderr)
            run(assignment)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
