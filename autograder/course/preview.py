"""Run a chapter with its reference answers, to see what it draws; never what students wrote.

The notebook and a page of it are written to a folder. Without answers it is for anybody to read:
the released notebook, with what the references made below its cells.
"""

from __future__ import annotations

import contextlib
import copy
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from nbformat import NotebookNode

from autograder.course.files import Assignment
from autograder.course.made_up import grade_id, notebook_bytes
from autograder.course.master import Master, read_master
from autograder.course.notebooks import data_files, released_notebook, source_notebook
from autograder.course.texts import write_bytes, write_text
from autograder.errors import CourseError

FOLDER = "preview"
"""Where previews are written in a course; it holds the answers."""

_KERNEL = "python3"
_FAILED_CHECK = re.compile(r"^✗ .*", re.MULTILINE)

Cells = list[NotebookNode]


def preview(
    assignment: Assignment,
    *,
    without_answers: bool = False,
    each: Callable[[Cells], Iterable[NotebookNode]] = list,
) -> NotebookNode:
    """Return an assignment's notebook, run from its top with the reference answers in place.

    It is made from the master as it is now, and runs in a folder of its own beside the course's
    data, trainings and all: minutes for some chapters. A cell that raises does not end it; see
    `faults`. `each` hands the cells on one by one: a progress bar, say.

    With `without_answers` the cells are those of the release, so that it holds neither reference
    nor marking scheme; below them stands what the references made.
    """
    master = read_master(assignment)
    solved = source_notebook(master)
    released = released_notebook(assignment, solved) if without_answers else solved
    _run(master, solved, each)
    for cell, run in zip(released.cells, solved.cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = run.outputs, run.execution_count
    return released


def write_preview(notebook: NotebookNode, assignment: Assignment, folder: Path) -> list[Path]:
    """Write a notebook that was run, and a page of it, into a folder; return page and notebook.

    Both are named after the assignment. Pictures are in the page; its formulas are set by MathJax,
    which the browser loads. Code that is folded in the notebook is left out of the page.
    """
    page = folder / f"{assignment.name}.html"
    write_text(page, _page(notebook, read_master(assignment).title))
    write_bytes(page.with_suffix(".ipynb"), notebook_bytes(notebook))
    return [page, page.with_suffix(".ipynb")]


def faults(notebook: NotebookNode) -> list[str]:
    """Return, in a line each, the cells that raised and the visible checks that do not pass."""
    return [
        f"cell {number} ({grade_id(cell) or 'text'}): {said}"
        for number, cell in enumerate(notebook.cells, start=1)
        for output in cell.get("outputs", [])
        for said in _faults_of(output)
    ]


def _faults_of(output: NotebookNode) -> Iterator[str]:
    if output.output_type == "error":
        yield f"{output.ename}: {output.evalue}"
    elif output.output_type == "stream":
        yield from _FAILED_CHECK.findall(output.text)


def _run(
    master: Master, notebook: NotebookNode, each: Callable[[Cells], Iterable[NotebookNode]]
) -> None:
    """Run a notebook in a folder that holds its data and nothing else."""
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient import NotebookClient
    from nbclient.exceptions import DeadKernelError
    from traitlets.config import Config

    # The kernel and we find each other by files in the working folder: over TCP each kernel warns
    # that it is not encrypted.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for name, content in data_files(master).items():
            write_bytes(Path(folder) / name, content)
        client = NotebookClient(
            notebook,
            kernel_name=_KERNEL,
            timeout=None,
            allow_errors=True,
            config=Config({"KernelManager": {"transport": "ipc"}}),
        )
        try:
            with client.setup_kernel():
                for number, cell in enumerate(each(notebook.cells)):
                    client.execute_cell(cell, number)
        except NoSuchKernel:
            raise CourseError(
                f"no kernel {_KERNEL!r} to run a notebook in: pip install ipykernel"
            ) from None
        except DeadKernelError:
            raise CourseError(f"{master.assignment.name}: a cell ended the kernel") from None


def _page(notebook: NotebookNode, title: str) -> str:
    """Return a page of a notebook; code that is folded in the notebook is left out."""
    from nbconvert import HTMLExporter

    shown = copy.deepcopy(notebook)
    for cell in shown.cells:
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            # What nbconvert's own pages heed.
            cell.metadata["transient"] = {"remove_source": True}
    exporter = HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True)
    page, _ = exporter.from_notebook_node(shown, resources={"metadata": {"name": title}})
    return str(page)
