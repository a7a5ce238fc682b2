"""How nbgrader's pass reads and writes a notebook when this process runs it for a whole class."""

from __future__ import annotations

from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode


class InPlaceExporter(NotebookExporter):
    """nbconvert's exporter, but for the copies it makes, and with one comparison with the schema.

    Each pass reads its notebook from a file, so there is nobody to keep the original for.
    """

    def from_notebook_node(  # type: ignore[override]  # As in NotebookExporter.
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Run the preprocessors and return the notebook as text."""
        resources = self._init_resources(resources)
        for preprocessor in self._preprocessors:
            nb, resources = preprocessor(nb, resources)
        nbformat.validate(nb, relax_add_props=True)
        resources["output_suffix"] = ".nbconvert"
        return nbformat.v4.writes(nb) + "\n", resources
