"""Grade notebooks with otter-grader, one after the other; runs in otter's own environment."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from otter.api import grade_submission


def main(autograder_zip: Path, notebooks: Path, out: Path) -> None:
    """Write what otter says of each notebook of a folder, by its file's stem."""
    graded = {path.stem: _grade(path, autograder_zip) for path in sorted(notebooks.glob("*.ipynb"))}
    out.write_text(json.dumps(graded))


def _grade(path: Path, autograder_zip: Path) -> dict[str, Any]:
    started = time.monotonic()
    results = grade_submission(str(path), str(autograder_zip), quiet=True)
    if results.has_catastrophic_failure():
        raise SystemExit(f"otter could not grade {path}: {results.catastrophic_error}")
    exercises = {name: results.get_result(name) for name in results.test_files}
    return {
        "seconds": time.monotonic() - started,
        "scores": {name: one.score for name, one in exercises.items()},
        "failed": {
            name: [case.test_case.name for case in one.test_case_results if not case.passed]
            for name, one in exercises.items()
        },
    }


if __name__ == "__main__":
    main(*(Path(argument).resolve() for argument in sys.argv[1:]))
