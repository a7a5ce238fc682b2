"""What a student wrote for the person who marks: each task's text, in the rebuilt notebook."""

from __future__ import annotations

from collections.abc import Collection

from nbformat import NotebookNode

from autograder.course.derivations import PROMPT


def derivations(notebook: NotebookNode, ours: Collection[str]) -> dict[str, list[NotebookNode]]:
    """Return, by task, the cells of text around it; `ours` are the texts of the release.

    The answer stands between the question, which is ours, and the task's own cell. What follows
    that cell belongs to it, too: some write there.
    """
    found: dict[str, list[NotebookNode]] = {}
    above: list[NotebookNode] = []
    task: str | None = None
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks:
            task = str(marks["grade_id"]) if marks.get("task") else None
            if task is not None and above:
                found[task] = above
            above = []
        elif cell.cell_type != "markdown" or cell.source == PROMPT:
            continue
        elif cell.source in ours:
            above = []
        else:
            above = [*above, cell]
            if task is not None:
                found.setdefault(task, []).append(cell)
    return found
