"""Build `source/` and `release/` notebooks from a master; the same bytes every time."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.course.carried_data import CELL as DATA_CELL
from autograder.course.carried_data import data_code
from autograder.course.configuration import course_licence
from autograder.course.derivations import PROMPT, question_and_task
from autograder.course.facts import DEMO_TAG, METADATA_KEY, Exercise
from autograder.course.files import Assignment
from autograder.course.functions import read_functions
from autograder.course.hand_edits import hand_edit, record_build
from autograder.course.master import CellKind, Master, MasterCell, read_master
from autograder.course.standing_texts import handing_in, how_to_work, opens_elsewhere
from autograder.course.texts import read_text, write_bytes
from autograder.errors import CourseError, EditedByHand

NBGRADER_SCHEMA = 3
_SHOWS_PROGRESS = "def progress():"

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def build(assignment: Assignment, *, force: bool = False) -> list[Path]:
    """Write an assignment's source and release notebooks; return the files that changed.

    Raises EditedByHand, and writes nothing, where that would undo what a person did; not by force.
    """
    built = render(assignment)
    orphans = _orphans(assignment, built)
    if not force and (edits := _hand_edits(assignment, built, orphans)):
        raise EditedByHand("\n".join(edits))
    changed = [path for path, content in built.items() if _differs(path, content)]
    for path in changed:
        write_bytes(path, built[path])
    for path in orphans:
        path.unlink()
    return changed + orphans


def _hand_edits(assignment: Assignment, built: dict[Path, bytes], orphans: list[Path]) -> list[str]:
    """Return, in a line each, what of a person's a build would undo."""
    root = assignment.course.root
    edits = [
        f"{path.relative_to(root)} was changed by hand: {how}"
        for path in (assignment.source_notebook, assignment.release_notebook)
        if _differs(path, built[path])
        if (how := hand_edit(path, nbformat.reads(built[path].decode(), as_version=4)))
    ]
    return edits + [
        f"{path.relative_to(root)} was not written by a build"
        for path in orphans
        if _differs(assignment.course.data / path.name, path.read_bytes())
    ]


def _differs(path: Path, content: bytes) -> bool:
    return not path.is_file() or path.read_bytes() != content


def stale(assignment: Assignment) -> list[Path]:
    """Return the built files that are not what a build would write, or should not be there."""
    built = render(assignment)
    differing = [path for path, content in built.items() if _differs(path, content)]
    return differing + _orphans(assignment, built)


def _orphans(assignment: Assignment, built: dict[Path, bytes]) -> list[Path]:
    folders = (assignment.source_notebook.parent, assignment.release_notebook.parent)
    return [
        path
        for folder in folders
        if folder.is_dir()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in built and ".ipynb_checkpoints" not in path.parts
    ]


def render(assignment: Assignment) -> dict[Path, bytes]:
    """Return every built file of an assignment and its content."""
    master = read_master(assignment)
    source = source_notebook(master)
    release = released_notebook(assignment, source)
    record_build(assignment, source, release)
    files = {
        assignment.source_notebook: _bytes(source),
        assignment.release_notebook: _bytes(release),
    }
    for name, content in data_files(master).items():
        files[assignment.source_notebook.parent / name] = content
        files[assignment.release_notebook.parent / name] = content
    return files


def data_files(master: Master) -> dict[str, bytes]:
    """Return the content of each data file that lies beside a notebook, by its name."""
    folder = master.assignment.course.data
    for name in master.data:
        if not (folder / name).is_file():
            raise CourseError(f"{master.assignment.master}: data {name!r} is not in {folder}")
    return {name: (folder / name).read_bytes() for name in master.data}


def _bytes(notebook: NotebookNode) -> bytes:
    return (nbformat.writes(notebook) + "\n").encode()


def source_notebook(master: Master) -> NotebookNode:
    """Return the instructor's notebook: the master with the reference answers spliced in."""
    functions = read_functions(master.assignment)
    setup = setup_code(master)
    cells = _head(master.assignment)
    for number, cell in enumerate(master.cells):
        cells += _cells(master, cell, number, functions, setup)
    if _SHOWS_PROGRESS in setup:
        cells += _handing_in(master.assignment)
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=_metadata(master))
    nbformat.validate(notebook)
    return notebook


def setup_code(master: Master) -> str:
    """Return the helpers' code; those that show progress are told which exercises there are."""
    path = master.assignment.course.notebook_setup
    missing = f"{path} is missing: `autograder new` writes it, as does `autograder init`"
    setup = read_text(path, missing).strip()
    if _SHOWS_PROGRESS not in setup:
        return setup
    exercises = [f'    "{one.name}": ({one.points}, {one.optional}),' for one in master.exercises]
    by_hand = [f'    "{task.name}": {task.points},' for task in master.facts.tasks]
    told = ["_exercises |= {", *exercises, "}", "_by_hand |= {", *by_hand, "}"]
    return "\n".join([setup, *told])


def _handing_in(assignment: Assignment) -> list[NotebookNode]:
    """Return what every notebook ends with: how far one is, and how to hand in."""
    shown = _locked("progress()", "progress")
    # In grading no check has run.
    shown.metadata["tags"] = [DEMO_TAG]
    return [_markdown(handing_in(assignment), "handing_in"), shown]


def _head(assignment: Assignment) -> list[NotebookNode]:
    """Return what stands above a notebook's title: where it opens by a click, if anywhere."""
    links = opens_elsewhere(assignment)
    return [_markdown(links, "opens_elsewhere")] if links else []


def _metadata(master: Master) -> dict[str, Any]:
    """Return what a built notebook says of itself: its kernel, its licence, and our facts."""
    metadata: dict[str, Any] = {
        **copy.deepcopy(_METADATA),
        METADATA_KEY: master.facts.as_metadata(),
    }
    if (licence := course_licence(master.assignment.course)) is not None:
        metadata["license"] = licence
    return metadata


def _cells(
    master: Master, cell: MasterCell, number: int, functions: dict[str, str], setup: str
) -> list[NotebookNode]:
    if cell.kind is CellKind.TEXT:
        return [_markdown(cell.source, f"text-{number}")]
    if cell.kind is CellKind.SETUP:
        return _first_code(master, cell, setup)
    if cell.kind is CellKind.EXERCISE:
        if cell.name not in functions:
            raise CourseError(
                f"{master.assignment.solutions}: exercise {cell.name!r} has no reference answer"
            )
        return [_code(functions[cell.name], cell.name, solution=True)]
    if cell.kind is CellKind.CHECK:
        return [_check(master.exercise(cell.name), cell.source)]
    if cell.kind is CellKind.TASK:
        return _task(cell)
    plain = (_folded if cell.is_folded else _locked)(cell.source, f"{cell.kind}-{number}")
    if cell.kind is CellKind.DEMO:
        plain.metadata["tags"] = [DEMO_TAG]
    return [plain]


def _first_code(master: Master, cell: MasterCell, setup: str) -> list[NotebookNode]:
    """Return the chapter's imports, our helpers and its data, below how to work with them."""
    cells = [_locked(cell.source, "setup"), _folded(setup, "notebook_setup")]
    if _SHOWS_PROGRESS in setup:
        cells.insert(0, _markdown(how_to_work(master), "how_to_work"))
    if master.data:
        cells.append(_folded(data_code(data_files(master)), DATA_CELL))
    return cells


def _task(cell: MasterCell) -> list[NotebookNode]:
    question, scheme = question_and_task(cell)
    answer = _markdown(PROMPT, f"{cell.name}-answer")
    answer.metadata["deletable"] = False
    task = _markdown(scheme, cell.name)
    task.metadata["nbgrader"] = _nbgrader(cell.name, locked=True, task=True, points=cell.points)
    return [_markdown(question, f"{cell.name}-question"), answer, task]


def _cell_id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:12]


def _markdown(source: str, name: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(source, id=_cell_id(name))


def _nbgrader(grade_id: str, **marks: Any) -> dict[str, Any]:
    metadata = {
        "grade": False,
        "grade_id": grade_id,
        "locked": False,
        "schema_version": NBGRADER_SCHEMA,
        "solution": False,
        "task": False,
    }
    return {**metadata, **marks}


def _code(source: str, grade_id: str, **marks: Any) -> NotebookNode:
    cell = nbformat.v4.new_code_cell(source, id=_cell_id(grade_id))
    cell.metadata["nbgrader"] = _nbgrader(grade_id, **marks)
    return cell


def _locked(source: str, grade_id: str) -> NotebookNode:
    return _code(source, grade_id, locked=True)


def _folded(source: str, grade_id: str) -> NotebookNode:
    """Return a locked cell that opens folded, in JupyterLab and in Colab; its first line shows."""
    cell = _locked(source, grade_id)
    cell.metadata["jupyter"] = {"source_hidden": True}
    cell.metadata["cellView"] = "form"
    return cell


def _check(exercise: Exercise, source: str) -> NotebookNode:
    # Extra credit is entered beside the score: a grade cell's points would raise the maximum.
    points = 0 if exercise.optional else exercise.points
    return _code(source, exercise.tests_cell, grade=True, locked=True, points=points)


def released_notebook(assignment: Assignment, source: NotebookNode) -> NotebookNode:
    """Let nbgrader itself make the student's notebook of ours, in a folder of its own."""
    from autograder.course.nbgrader_release import generate_release

    released = generate_release(assignment, _bytes(source))
    for cell, original in zip(released.cells, source.cells, strict=True):
        cell["id"] = original["id"]
    return released
