"""The Markdown that a student wrote, as cells for an instructor's page: harmless and bounded."""

from __future__ import annotations

from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

from autograder.submissions.markdown import clean_markdown, plain_text
from autograder.submissions.pictures import with_pictures
from autograder.submissions.reading import SubmittedCell

MAX_MARKDOWN_LETTERS = 300_000
"""So much Markdown of a submission is rendered; what is beyond is shown as plain text."""
_MAX_LOST_TOLD = 5


@dataclass
class Texts:
    """Makes a student's Markdown harmless, cell by cell; bounded in all."""

    notes: list[str]
    left: int = MAX_MARKDOWN_LETTERS

    def cell(self, cell: SubmittedCell) -> NotebookNode:
        """Return a cell that shows a student's text, with the pictures that came with it."""
        made = with_pictures(cell.source, cell.attachments)
        within = len(made.text) <= self.left
        if not within:
            self.notes.append("it has very much Markdown: some of it is shown as plain text")
        self.left -= len(made.text) if within else 0
        names = made.attachments.keys()
        clean = clean_markdown(made.text, names) if within else plain_text(made.text)
        built = nbformat.from_dict(
            {"cell_type": "markdown", "id": "", "metadata": {}, "source": clean}
        )
        shown = {name: one for name, one in made.attachments.items() if f":{name})" in clean}
        if shown:
            built["attachments"] = nbformat.from_dict(shown)
        self.notes += [f"a picture was not kept: {why}" for why in made.lost[:_MAX_LOST_TOLD]]
        return built
