"""How nbgrader's pass reads and writes a notebook: never the bytes that a student sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.converters import Autograde

from autograder.gradebook.handing_over import TRAY, HandedOver, handed_over

Converted = tuple[str, dict[str, Any]]


class InPlaceExporter(NotebookExporter):
    """nbconvert's exporter, but for the copies it makes, and with one comparison with the schema.

    Nobody keeps the original. A pass that was handed its notebook does not read its file.
    """

    def from_filename(  # type: ignore[override]  # As in NotebookExporter.
        self, filename: str, resources: Any = None, **kw: Any
    ) -> Converted:
        """Take the notebook that was handed over; where it is rebuilt in this pass, an empty one.

        Otherwise the file is ours.
        """
        notebook = handed_over(resources).notebook
        if notebook is None and not _is_rebuilt_by(self):
            read: Any = super().from_filename(filename, resources, **kw)
            return read
        return _converted(self, notebook or nbformat.v4.new_notebook(), filename, resources, kw)

    def from_notebook_node(  # type: ignore[override]  # As in NotebookExporter.
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> Converted:
        """Run the preprocessors and return the notebook as text."""
        resources = self._init_resources(resources)
        for preprocessor in self._preprocessors:
            nb, resources = preprocessor(nb, resources)
        nbformat.validate(nb, relax_add_props=True)
        # nbgrader's second pass goes on from what its first one has made.
        handed_over(resources).notebook = nb
        resources["output_suffix"] = ".nbconvert"
        return nbformat.v4.writes(nb) + "\n", resources


def leave_submission_unread(exporter: Any) -> None:
    """Let an exporter of nbgrader's begin with an empty notebook where ours is rebuilt.

    nbformat, which would read the file, takes less than our reader: a submission would be graded
    and never entered. The preprocessor asks for it, so that no configuration can forget it.
    """
    if not isinstance(exporter, NotebookExporter) or "from_filename" in vars(exporter):
        return
    read: Any = exporter.from_filename

    def from_filename(filename: str, resources: Any = None, **kw: Any) -> Any:
        if not _is_rebuilt_by(exporter):
            return read(filename, resources, **kw)
        return _converted(exporter, nbformat.v4.new_notebook(), filename, resources, kw)

    if not isinstance(exporter, InPlaceExporter):
        vars(exporter)["from_filename"] = from_filename


def _is_rebuilt_by(exporter: Any) -> bool:
    """Say whether a preprocessor of this pass makes the notebook anew, and looks at none."""
    return any(getattr(one, "rebuilds", False) for one in exporter._preprocessors)


def _converted(
    exporter: Any, notebook: NotebookNode, filename: str, resources: Any, kw: dict[str, Any]
) -> Any:
    path = Path(filename)
    resources["metadata"] = {"name": path.stem, "path": str(path.parent)}
    return exporter.from_notebook_node(notebook, resources, **kw)


class AutogradeWithResult(Autograde):
    """nbgrader's Autograde for one submission whose result is known."""

    def __init__(self, handed: HandedOver, **settings: Any) -> None:
        super().__init__(**settings)
        self.exporter_class = InPlaceExporter
        self._handed = handed

    def init_single_notebook_resources(self, notebook_filename: str) -> dict[str, Any]:
        """Put what is handed over into the tray that goes through all preprocessors."""
        resources: dict[str, Any] = super().init_single_notebook_resources(notebook_filename)
        resources[TRAY] = self._handed
        return resources
