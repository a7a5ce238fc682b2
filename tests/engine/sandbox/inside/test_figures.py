"""Figures drawn once are the figures that matplotlib would have saved."""

from io import BytesIO

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from autograder.sandbox.inside.figures import png_of


def drawn(layout):
    figure = Figure(figsize=(5, 2.5), layout=layout)
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    left.plot([0, 1e5], label="a long label, outside")
    left.set(ylabel="$x^2$", title="two\nlines")
    left.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    figure.colorbar(right.imshow(np.eye(3)), ax=right)
    figure.suptitle("above")
    return figure


@pytest.mark.parametrize("layout", ["constrained", "tight", None])
def test_the_pixels_are_those_of_a_saved_figure(layout):
    figure, saved = drawn(layout), BytesIO()
    drawn(layout).canvas.print_figure(saved, format="png", dpi=figure.dpi)
    ours, theirs = (
        np.asarray(Image.open(BytesIO(one))) for one in (png_of(figure), saved.getvalue())
    )
    assert ours.shape == theirs.shape
    assert np.array_equal(ours, theirs)


def test_a_figure_without_axes_is_not_shown():
    assert png_of(Figure()) is None


def test_a_figure_without_a_canvas_is_drawn():
    figure = Figure()
    figure.subplots().plot([0, 1])
    assert png_of(figure).startswith(b"\x89PNG")
