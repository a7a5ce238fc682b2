"""Grade the one submission of a Gradescope container; never leave it without a results.json."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel, ValidationError

import autograder.lean_start  # noqa: F401  As for every command: fewer imports.
from autograder.exports.gradescope_results import (
    GradescopeResults,
    Visibility,
    gradescope_results,
    not_graded,
)
from autograder.results.document import SubmissionResult
from autograder.results.verdicts import Verdict
from autograder.safe_text import for_terminal
from autograder.sandbox.isolation import Isolation
from autograder.submissions.finding import notebooks_below
from autograder.submissions.names import as_notebook, is_named
from autograder.submissions.reading import lying_in

SETTINGS_NAME = "export.json"
_OUR_FAULT = (
    "The autograder could not grade this submission. That is not your fault, and it is no "
    "verdict on your work: your instructor must look at the autograder's output."
)


class ExportSettings(BaseModel):
    """What was chosen when the zip was made."""

    assignment: str
    isolation: Isolation
    visibility: Visibility


class NotGraded(Exception):
    """A submission that cannot be graded; the message is for the student."""


def main() -> None:
    """Grade what lies in `submission/` below the root, and write `results/results.json`."""
    root = Path(sys.argv[1])
    try:
        document = grade_submission(root)
    except NotGraded as problem:
        document = not_graded(str(problem), needs_person=str(problem) == _OUR_FAULT)
    except Exception as error:
        _say(f"the autograder failed: {type(error).__name__}: {error}")
        document = not_graded(_OUR_FAULT, needs_person=True)
    path = root / "results" / "results.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(document.model_dump_json(indent=1), encoding="utf-8")


def _say(text: str) -> None:
    """Tell the instructors, who alone see this."""
    print(for_terminal(text), file=sys.stderr)


def grade_submission(root: Path) -> GradescopeResults:
    """Return Gradescope's document for the submitted notebook below a root."""
    source = root / "source"
    settings = ExportSettings.model_validate_json((source / SETTINGS_NAME).read_bytes())
    notebook = find_notebook(root / "submission", settings.assignment)
    result = _grade(source / "course", settings, notebook)
    if result.verdict is Verdict.GRADER_ERROR and not any(e.tests for e in result.exercises):
        raise NotGraded(_OUR_FAULT)
    return gradescope_results(result, settings.visibility)


def find_notebook(folder: Path, assignment: str) -> Path:
    """Return the submitted notebook: the one of the assignment's name, or the only one."""
    wanted = folder / f"{assignment}.ipynb"
    if wanted.is_file() and not wanted.is_symlink():
        return wanted
    found = notebooks_below(folder)
    named = [path for path in found if is_named(as_notebook(path.name), assignment)]
    if len(named or found) == 1:
        return (named or found)[0]
    if named:
        what = f"{len(named)} notebooks have that name, or a copy's; hand in one"
    elif found:
        what = f"none of the {len(found)} notebooks is of that name"
    else:
        lying = lying_in(folder)[1]
        what = f"there is no notebook{f', but {lying},' if lying else ''} of that name"
    raise NotGraded(f"Submit {assignment}.ipynb: {what}.")


def _grade(course: Path, settings: ExportSettings, notebook: Path) -> SubmissionResult:
    """Run `autograder grade` on it. What it says on stderr is for instructors alone."""
    command = [sys.executable, "-m", "autograder", "--course", str(course), "grade"]
    command += ["--json", "-j", "1", "--isolation", settings.isolation]
    command += [settings.assignment, "--", str(notebook.absolute())]
    # Gradescope's container runs as root and is thrown away after this one submission.
    settled = {"OMP_NUM_THREADS": "1", "AUTOGRADER_ROOT_WITHOUT_BOX": "1"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, check=False, env={**os.environ, **settled}
    )
    try:
        (submission,) = json.loads(done.stdout)["submissions"]
        return SubmissionResult.model_validate(submission)
    except (ValueError, KeyError, TypeError, ValidationError):
        _say(f"`autograder grade` ended with {done.returncode}; see above")
        raise NotGraded(_OUR_FAULT) from None


if __name__ == "__main__":
    main()
