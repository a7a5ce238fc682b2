"""Rebuild a submission from our own notebook: only the student's text is taken from theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.course.facts import DEMO_TAG
from autograder.safe_text import for_terminal
from autograder.submissions.own_code import MAX_LETTERS, OurCode, stubs_in
from autograder.submissions.reading import SubmittedCell, is_same_text
from autograder.submissions.texts import Texts


@dataclass
class Rebuilt:
    """A notebook of our form with the student's answers in it."""

    notebook: NotebookNode
    notes: list[str] = field(default_factory=list)
    """What was odd about the submission, for the TA."""
    look: str = ""
    """Why a person should look at the submission as a whole; empty where nobody need."""

    def cells_to_run(self) -> list[tuple[int, str]]:
        """Return index and code of what the box runs: no grade cells, no demos."""
        return [(i, source) for i, source, is_shown in self._code() if not is_shown]

    def cells_not_run(self) -> list[tuple[int, str]]:
        """Return index and code of the visible checks and demos."""
        return [(i, source) for i, source, is_shown in self._code() if is_shown]

    def _code(self) -> Iterator[tuple[int, str, bool]]:
        for index, cell in enumerate(self.notebook.cells):
            if cell.cell_type == "code" and cell.source.strip():
                yield index, cell.source, _is_demo(cell) or bool(_marks(cell).get("grade"))

    def our_cells(self) -> frozenset[int]:
        """Return the indices of our own locked cells: pictures, which take a moment at most."""
        return frozenset(
            index for index, cell in enumerate(self.notebook.cells) if _marks(cell).get("locked")
        )

    def added_cells(self) -> frozenset[int]:
        """Return the indices of cells that are not ours."""
        return frozenset(i for i, cell in enumerate(self.notebook.cells) if not _marks(cell))

    def stubs(self, exercises: Collection[str]) -> dict[int, tuple[str, ...]]:
        """Return, by cell, the exercises of which it holds a function that was not begun."""
        cells = self.cells_to_run()
        if sum(len(source) for _, source in cells) > MAX_LETTERS:
            return {}
        found = {i: stubs_in(source, exercises) for i, source in cells}
        return {index: names for index, names in found.items() if names}

    def index_of(self, grade_id: str) -> int:
        """Return where the cell of that name stands."""
        for index, cell in enumerate(self.notebook.cells):
            if _marks(cell).get("grade_id") == grade_id:
                return index
        raise KeyError(grade_id)


def _marks(cell: NotebookNode) -> dict[str, object]:
    marks: dict[str, object] = cell.metadata.get("nbgrader", {})
    return marks


def rebuild(submitted: list[SubmittedCell], release: NotebookNode) -> Rebuilt:
    """Return our notebook with the student's answers, and their added cells kept in place."""
    ours = {str(_marks(cell)["grade_id"]): cell for cell in release.cells if _marks(cell)}
    our_texts = {tuple(one.source.split()): one.source for one in release.cells if not _marks(one)}
    placed: set[str] = set()
    notes: list[str] = []
    cells: list[NotebookNode] = []
    texts = Texts(notes)
    shown = _shown_code(release)
    # Cells are merged, and one of ours is gone: that it is in another's text is looked for then.
    is_whole = ours.keys() <= {cell.grade_id for cell in submitted}
    is_whole |= sum(len(cell.source) for cell in submitted) > MAX_LETTERS
    for cell in submitted:
        name = cell.grade_id
        if name is not None and name in ours and name not in placed:
            placed.add(name)
            cells += _our_cell(ours[name], cell, notes, texts, shown)
            continue
        if name is not None and name in ours:
            notes.append(f"cell {name!r} stands twice: the second is run as an added cell")
        elif name is not None:
            notes.append(f"cell {name!r} is not one of ours: taken as an added cell")
        added = _added_cell(cell, texts, our_texts.get(tuple(cell.source.split())))
        if shown.holds(cell.source):
            added.metadata["tags"] = [DEMO_TAG]
        cells.append(added)
    for built in cells:
        if not is_whole and built.cell_type == "code" and not _marks(built).get("locked"):
            built.source = shown.taken_out_of(built.source)
    _put_back_missing(cells, release, placed, notes)
    for index, built in enumerate(cells):
        built["id"] = hashlib.sha256(f"{index} {built.source}".encode()).hexdigest()[:12]
    metadata = nbformat.from_dict(release.metadata)
    return Rebuilt(NotebookNode(release, metadata=metadata, cells=cells), notes)


def _copy(cell: NotebookNode) -> NotebookNode:
    """Return a cell of the release to fill in; only its text, metadata and outputs may change."""
    copied = NotebookNode(cell, metadata=nbformat.from_dict(cell.metadata))
    if "outputs" in cell:
        copied.outputs = list(cell.outputs)
    return copied


def _shown_code(release: NotebookNode) -> OurCode:
    """Return the visible checks and the demos of a release: grading runs neither."""
    code = [cell for cell in release.cells if cell.cell_type == "code"]
    return OurCode(
        tuple(cell.source for cell in code if _marks(cell).get("grade")),
        tuple(cell.source for cell in code if _is_demo(cell)),
    )


def _is_demo(cell: NotebookNode) -> bool:
    return DEMO_TAG in cell.metadata.get("tags", [])


def _our_cell(
    ours: NotebookNode, theirs: SubmittedCell, notes: list[str], texts: Texts, shown: OurCode
) -> list[NotebookNode]:
    """Return our cell, with the student's text where it is theirs to write.

    Code that they put into a locked one, which many editors let them, runs in a cell of its own.
    """
    cell = _copy(ours)
    marks = _marks(ours)
    name = marks["grade_id"]
    if theirs.cell_type != ours.cell_type:
        kind = for_terminal(theirs.cell_type)
        notes.append(f"cell {name!r} was turned into {kind}: taken as {ours.cell_type}")
    _note_edited_marks(theirs, marks, notes)
    changed = not is_same_text(theirs.source, ours.source)
    if marks.get("solution") and ours.cell_type == "code":
        cell.source = theirs.source
    elif marks.get("solution") and changed:
        written = texts.cell(theirs)
        cell.source = written.source
        cell |= {key: written[key] for key in ("attachments",) if key in written}
    elif marks.get("task") and changed:
        return [cell, texts.cell(theirs)]
    elif changed:
        is_code = ours.cell_type == theirs.cell_type == "code"
        added = shown.added_to(ours.source, theirs.source) if is_code else ""
        if added.strip():
            notes.append(f"locked cell {name!r} was changed: what was added runs after it")
            return [cell, _new_cell("code", added)]
        notes.append(f"locked cell {name!r} was changed: ours is used")
    return [cell]


def _note_edited_marks(theirs: SubmittedCell, marks: dict[str, object], notes: list[str]) -> None:
    for mark in ("points", "grade", "locked", "solution", "task"):
        if mark in theirs.claims and theirs.claims[mark] != marks.get(mark):
            notes.append(f"cell {marks['grade_id']!r}: its {mark!r} was edited, and is ours again")
    if "skip-execution" in theirs.tags:
        notes.append(f"cell {marks['grade_id']!r}: the tag 'skip-execution' is ignored")


def _added_cell(cell: SubmittedCell, texts: Texts, ours: str | None) -> NotebookNode:
    if cell.cell_type == "code":
        return _new_cell("code", cell.source)
    return texts.cell(cell) if ours is None else _new_cell("markdown", ours)


def _new_cell(kind: str, source: str) -> NotebookNode:
    # Not nbformat.v4.new_code_cell, which compares each cell with its schema.
    cell: dict[str, Any] = {"cell_type": kind, "id": "", "metadata": {}, "source": source}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return nbformat.from_dict(cell)


def _put_back_missing(
    cells: list[NotebookNode], release: NotebookNode, placed: set[str], notes: list[str]
) -> None:
    """Insert each of our cells that was deleted after the one that precedes it with us."""
    previous: str | None = None
    for ours in release.cells:
        name = _marks(ours).get("grade_id")
        if name is None:
            continue
        if name not in placed:
            notes.append(f"cell {name!r} was missing: put back as it was released")
            cells.insert(_position_after(cells, previous), _copy(ours))
        previous = str(name)


def _position_after(cells: list[NotebookNode], name: str | None) -> int:
    for index, cell in enumerate(cells):
        if name is not None and _marks(cell).get("grade_id") == name:
            return index + 1
    return 0
