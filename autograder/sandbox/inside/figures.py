"""Draw the figures that cells show, each once."""

from __future__ import annotations

from io import BytesIO
from typing import Any


def draw_figures_once(shell: Any) -> None:
    """Let this shell show figures by `png_of`; other formats come besides where asked for.

    To choose formats takes away what figures are shown by, and nothing else is kept than PNG: what
    stands for their base class stays.
    """
    from matplotlib.figure import Figure, FigureBase

    for kind in (Figure, FigureBase):
        shell.display_formatter.formatters["image/png"].for_type(kind, png_of)


def png_of(figure: Any) -> bytes | None:
    """Return a figure as PNG, in its own size and resolution; None where there is nothing on it.

    What IPython calls, matplotlib's print_figure, draws a figure with a layout twice: once for
    nothing but the layout, which the drawing makes itself.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if not figure.axes and not figure.lines:
        return None
    canvas = (
        figure.canvas if isinstance(figure.canvas, FigureCanvasAgg) else FigureCanvasAgg(figure)
    )
    buffer = BytesIO()
    canvas.print_png(buffer)
    return buffer.getvalue()
