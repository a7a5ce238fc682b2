"""How nbgrader's pass reads and writes a notebook when this process runs it for a whole class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.converters import Autograde

from autograder.gradebook.handing_over import TRAY, HandedOver, handed_over


class InPlaceExporter(NotebookExporter):
    """nbconvert's exporter, but for the copies it makes, and with one comparison with the schema.

    Nobody keeps the original. A pass that was handed its notebook does not read its file.
    """

    def from_filename(  # type: ignore[override]  # As in NotebookExporter.
        self, filename: str, resources: Any = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Take the notebook that was handed over, or read the file."""
        notebook = handed_over(resources).notebook
        if notebook is None:
            read: Any = super().from_filename(filename, resources, **kw)
            return read
        path = Path(filename)
        resources["metadata"] = {"name": path.stem, "path": str(path.parent)}
        return self.from_notebook_node(notebook, resources, **kw)

    def from_notebook_node(  # type: ignore[override]  # As in NotebookExporter.
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Run the preprocessors and return the notebook as text."""
        resources = self._init_resources(resources)
        for preprocessor in self._preprocessors:
            nb, resources = preprocessor(nb, resources)
        nbformat.validate(nb, relax_add_props=True)
        # nbgrader's second pass goes on from what its first one has made.
        handed_over(resources).notebook = nb
        resources["output_suffix"] = ".nbconvert"
        return nbformat.v4.writes(nb) + "\n", resources


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
