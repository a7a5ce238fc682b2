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
from autograder.submissions.own_code import OurCode, may_be_taken_apart, stubs_in
from autograder.submissions.reading import SubmittedCell, is_same_text
from autograder.submissions.texts import Texts

_NAMES_SHOWN = 3


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
        if not may_be_taken_apart(source for _, source in cells):
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
    rebuilding = _Rebuilding(release)
    for cell in submitted:
        rebuilding.take(cell)
    rebuilding.take_out_merged(submitted)
    rebuilding.put_back_missing()
    for index, built in enumerate(rebuilding.cells):
        built["id"] = hashlib.sha256(f"{index} {built.source}".encode()).hexdigest()[:12]
    metadata = nbformat.from_dict(release.metadata)
    notebook = NotebookNode(release, metadata=metadata, cells=rebuilding.cells)
    return Rebuilt(notebook, rebuilding.all_notes())


class _Rebuilding:
    """A notebook of our form, as its cells come in."""

    def __init__(self, release: NotebookNode) -> None:
        self.cells: list[NotebookNode] = []
        self._release = release
        self._ours = {str(_marks(one)["grade_id"]): one for one in release.cells if _marks(one)}
        self._texts_of_ours = {
            tuple(one.source.split()): one.source for one in release.cells if not _marks(one)
        }
        self._shown = _shown_code(release)
        self._notes: list[str] = []
        self._texts = Texts(self._notes)
        self._placed: set[str] = set()
        self._twice, self._foreign, self._missing = list[str](), list[str](), list[str]()

    def take(self, cell: SubmittedCell) -> None:
        """Take in a submitted cell: one of ours in our form, any other as it is."""
        name = cell.grade_id
        if name is not None and name in self._ours and name not in self._placed:
            self._placed.add(name)
            self.cells += _our_cell(self._ours[name], cell, self._notes, self._texts, self._shown)
            return
        if name is not None:
            (self._twice if name in self._ours else self._foreign).append(name)
        ours = self._texts_of_ours.get(tuple(cell.source.split()))
        added = _added_cell(cell, self._texts, ours)
        if self._shown.holds(cell.source):
            added.metadata["tags"] = [DEMO_TAG]
        self.cells.append(added)

    def take_out_merged(self, submitted: list[SubmittedCell]) -> None:
        """Blank our checks and demos in the student's cells, where cells of ours are gone."""
        if not may_be_taken_apart(cell.source for cell in submitted):
            return
        for built in self.cells if self._ours.keys() - self._placed else ():
            if built.cell_type == "code" and not _marks(built).get("locked"):
                built.source = self._shown.taken_out_of(built.source)

    def put_back_missing(self) -> None:
        """Insert each of our cells that was deleted after the one that precedes it with us."""
        previous: str | None = None
        for ours in self._release.cells:
            name = _marks(ours).get("grade_id")
            if name is None:
                continue
            if name not in self._placed:
                self._missing.append(str(name))
                self.cells.insert(_position_after(self.cells, previous), _copy(ours))
            previous = str(name)

    def all_notes(self) -> list[str]:
        """Return what was odd, in few lines: many cells of one kind have one between them."""
        return [
            *self._notes,
            *_listed(self._twice, "stands", "stand", "twice: the second is an added cell"),
            *_listed(self._foreign, "is", "are", "not of this notebook: taken as added"),
            *_listed(self._missing, "was", "were", "missing: put back as released"),
        ]


def _listed(names: list[str], one: str, many: str, what: str) -> Iterator[str]:
    """Yield notes on cells by their names, which students may have written."""
    if len(names) > _NAMES_SHOWN:
        first = ", ".join(map(repr, names[:_NAMES_SHOWN]))
        yield f"{len(names)} cells ({first}, …) {many} {what}"
    else:
        yield from (f"cell {name!r} {one} {what}" for name in names)


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


def _position_after(cells: list[NotebookNode], name: str | None) -> int:
    for index, cell in enumerate(cells):
        if name is not None and _marks(cell).get("grade_id") == name:
            return index + 1
    return 0
