"""What every notebook of a course says: where it opens by a click, how to work, how to hand in."""

from __future__ import annotations

import ast
import re
import sys
from urllib.parse import quote

from autograder.course.configuration import course_address
from autograder.course.files import Assignment
from autograder.course.master import CellKind, Master
from autograder.errors import CourseError

_HOW_TO_WORK = """\
> **How to work.** Write your answer in the cells that say so, and run the cell below each: it
> checks small cases and tells you a next step. The checks help you; the score comes from other
> tests, after you hand in. Pictures wait for the exercises they need, so *Restart and run all*
> always goes through. Long code of ours is folded into its first line; click on it to read it.
> Exercises show their points, the minutes they take most people, and a difficulty from ★ to ★★★.
> This chapter needs {needs}."""
_HANDING_IN = """\
## How far you are, and how to hand in

1. **Validate.** *Restart and run all*; the cell below then says how far you are. Where nbgrader is
   installed, the *Validate* button above the notebook does the same afresh. Visible checks help
   you; hidden tests, which try more, make the score.
2. **Save** the notebook: what is not saved is not handed in.
3. **Submit.** In JupyterLab: *Nbgrader*, *Assignment List*, *Submit* beside `{name}`. Where your
   course has no such list, upload `{notebook}` itself, under that name, where it collects work."""
_ADDRESS = re.compile(
    r"https://github\.com/(?P<repository>[\w.-]+/[\w.-]+?)(?:\.git)?/?(?:/tree/(?P<branch>[\w./-]+))?"
)
_USED_BY_HELPERS = {"matplotlib", "numpy"}


def how_to_work(master: Master) -> str:
    """Return what stands above a chapter's first code; it names what is to be installed."""
    setup = "\n".join(cell.source for cell in master.cells if cell.kind is CellKind.SETUP)
    needs = sorted(_USED_BY_HELPERS | _packages(setup))
    return _HOW_TO_WORK.format(needs=f"{', '.join(needs[:-1])} and {needs[-1]}")


def handing_in(assignment: Assignment) -> str:
    """Return what stands at a notebook's end."""
    return _HANDING_IN.format(name=assignment.name, notebook=assignment.release_notebook.name)


def opens_elsewhere(assignment: Assignment) -> str:
    """Return links that open the released notebook in Colab and Binder; "" without an address.

    Words, not badges from elsewhere: a page shows them without a network.
    """
    address = course_address(assignment.course)
    if not address:
        return ""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise CourseError(
            f"{assignment.course.config}: c.Course.address is {address!r}, and no repository: "
            "write https://github.com/OWNER/REPOSITORY, with /tree/BRANCH where that is not main"
        )
    repository, branch = found["repository"], found["branch"] or "main"
    path = quote(assignment.release_notebook.relative_to(assignment.course.root).as_posix())
    colab = f"https://colab.research.google.com/github/{repository}/blob/{branch}/{path}"
    binder = f"https://mybinder.org/v2/gh/{repository}/{quote(branch, safe='')}?labpath={path}"
    return f"[**Open in Colab**]({colab}) · [**Open in Binder**]({binder})"


def _packages(code: str) -> set[str]:
    """Return the packages that some code imports and Python itself does not have."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names - sys.stdlib_module_names
