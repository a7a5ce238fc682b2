"""What a student wrote for the person who marks: each task's text, in the rebuilt notebook."""

from __future__ import annotations

from collections.abc import Collection

from nbformat import NotebookNode


def derivations(notebook: NotebookNode, ours: Collection[str]) -> dict[str, list[NotebookNode]]:
    """Return, by task, the cells of text that follow it; `ours` are the texts of the release."""
    found: dict[str, list[NotebookNode]] = {}
    task: str | None = None
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks:
            task = str(marks["grade_id"]) if marks.get("task") else None
        elif task is not None and cell.cell_type == "markdown" and cell.source not in ours:
            found.setdefault(task, []).append(cell)
    return found
