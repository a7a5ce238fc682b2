"""Collect a class's answers to each exercise, as far as they are the students' own."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import nbformat
from nbformat import NotebookNode

from autograder.course.configuration import course_limits
from autograder.course.files import Assignment
from autograder.course.functions import read_functions
from autograder.course.parts import known_answer_sources
from autograder.errors import AutograderError
from autograder.similarity.tokens import (
    TokenLine,
    Vocabulary,
    code_lines,
    names_in,
    prose_lines,
)
from autograder.submissions.derivations import derivations
from autograder.submissions.finding import Found
from autograder.submissions.reading import UnreadableNotebook, parse, read_bytes
from autograder.submissions.rebuilding import rebuild

OWN_CELLS = "added cells"


@dataclass(frozen=True)
class Answer:
    """What one student wrote for one exercise beyond what was given."""

    student: str
    lines: tuple[TokenLine, ...]

    @property
    def tokens(self) -> list[str]:
        """Return the tokens of all its lines, one after the other."""
        return [token for line in self.lines for token in line.tokens]


@dataclass
class ClassAnswers:
    """The answers of a class by exercise, and what nobody need have copied."""

    by_exercise: dict[str, list[Answer]] = field(default_factory=dict)
    known: dict[str, list[Answer]] = field(default_factory=dict)
    """The reference and the course's other known answers: anybody may come to these alone."""
    unreadable: list[str] = field(default_factory=list)


@dataclass
class _Given:
    """What the released notebook gives, and where a student's own text lies in a rebuilt one."""

    assignment: Assignment

    @cached_property
    def release(self) -> NotebookNode:
        path = self.assignment.release_notebook
        if not path.is_file():
            name = self.assignment.name
            raise AutograderError(f"{name} is not built: run `autograder build {name}`")
        return nbformat.read(path, as_version=4)

    @cached_property
    def code(self) -> dict[str, Vocabulary]:
        """Return each exercise's vocabulary: its stub, what is imported, the other exercises."""
        cells = [cell for cell in self.release.cells if cell.cell_type == "code"]
        stubs = {_name(cell): cell.source for cell in cells if _is_solution(cell)}
        shared = Vocabulary().names | stubs.keys() | _imported(cell.source for cell in cells)
        made = {}
        for name, stub in stubs.items():
            names = shared | names_in(stub)
            made[name] = Vocabulary(names, _line_set(code_lines, stub, Vocabulary(names)))
        everything = "\n".join(cell.source for cell in cells)
        lines = _line_set(code_lines, everything, Vocabulary(shared))
        return {**made, OWN_CELLS: Vocabulary(shared, lines)}

    @cached_property
    def prose(self) -> Vocabulary:
        cells = [cell.source for cell in self.release.cells if cell.cell_type == "markdown"]
        lines = _line_set(prose_lines, "\n".join(cells), Vocabulary())
        return Vocabulary(lines=lines)

    def texts(self, notebook: NotebookNode) -> Iterator[tuple[str, str, bool]]:
        """Yield exercise, text and whether it is code, for all that a student can write."""
        released = {cell.source for cell in self.release.cells}
        added = []
        for cell in notebook.cells:
            marks = cell.metadata.get("nbgrader", {})
            if marks.get("solution"):
                yield _name(cell), cell.source, cell.cell_type == "code"
            elif not marks and cell.cell_type == "code" and cell.source not in released:
                added.append(cell.source)
        yield OWN_CELLS, "\n".join(added), True
        for task, cells in derivations(notebook, released).items():
            yield task, "\n".join(cell.source for cell in cells), False

    def lines(self, exercise: str, text: str, is_code: bool) -> tuple[TokenLine, ...]:
        if is_code:
            return tuple(code_lines(text, self.code.get(exercise, self.code[OWN_CELLS])))
        return tuple(prose_lines(text, self.prose))


def _line_set(
    lines: Callable[[str, Vocabulary], list[TokenLine]], source: str, vocabulary: Vocabulary
) -> frozenset[tuple[str, ...]]:
    return frozenset(line.tokens for line in lines(source, vocabulary))


def _imported(sources: Iterable[str]) -> frozenset[str]:
    """Return the names that cells of ours import; a cell with a magic imports none."""
    names: set[str] = set()
    for source in sources:
        with contextlib.suppress(SyntaxError):
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return frozenset(names)


def _name(cell: NotebookNode) -> str:
    return str(cell.metadata["nbgrader"]["grade_id"])


def _is_solution(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def read_class(assignment: Assignment, found: Iterable[Found]) -> ClassAnswers:
    """Return what a class wrote: rebuilt as for grading, so that what counts is compared."""
    given = _Given(assignment)
    limit = course_limits(assignment.course).notebook_mb
    answers = ClassAnswers(known=_known(assignment, given))
    for one in found:
        try:
            cells = parse(read_bytes(one.path, limit), one.path.name)
        except UnreadableNotebook as error:
            answers.unreadable.append(f"{one.student!r}: {error}")
            continue
        for exercise, text, is_code in given.texts(rebuild(cells, given.release).notebook):
            lines = given.lines(exercise, text, is_code)
            answers.by_exercise.setdefault(exercise, []).append(Answer(one.student, lines))
    return answers


def _known(assignment: Assignment, given: _Given) -> dict[str, list[Answer]]:
    sources = list(read_functions(assignment).items())
    sources += known_answer_sources(assignment)
    known: dict[str, list[Answer]] = {}
    for exercise, source in sources:
        answer = Answer("", given.lines(exercise, source, True))
        known.setdefault(exercise, []).append(answer)
    return known
