"""A master that is open in JupyterLab, run there: helpers, data and references come into reach.

In a console of the notebook's kernel, so that no cell of the master is touched:

    %load_ext autograder.course.in_jupyter
    %chapter a01_pca
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from autograder.course.files import Assignment, find_course
from autograder.course.functions import read_functions
from autograder.course.master import CellKind, read_master
from autograder.course.notebooks import setup_code
from autograder.errors import AutograderError
from autograder.safe_text import for_terminal


def load_ipython_extension(shell: Any) -> None:
    """Give IPython the line `%chapter ASSIGNMENT`."""

    def chapter(name: str) -> None:
        """Run a chapter's imports, helpers and reference answers in this notebook."""
        try:
            assignment = find_course(Path.cwd()).assignment(name.strip())
            said = run_before(assignment, shell.user_ns)
        except AutograderError as error:
            said = str(error)
        print(for_terminal(said))

    shell.register_magic_function(chapter, magic_name="chapter")


def run_before(assignment: Assignment, namespace: dict[str, Any]) -> str:
    """Run what a master's own cells build on, where its data lie; return what is there now."""
    if not assignment.source_notebook.is_file():
        return f"{assignment.name} is not built: run `autograder build {assignment.name}`"
    master = read_master(assignment)
    functions = read_functions(assignment)
    imports = [cell.source for cell in master.cells if cell.kind is CellKind.SETUP]
    for code in (*imports, setup_code(master), *functions.values()):
        exec(compile(code, assignment.name, "exec"), namespace)
    os.chdir(assignment.source_notebook.parent)
    return f"{assignment.name}: helpers, data, and the references of {', '.join(functions)}"
