"""Draw the map of families for the README: the picture of chapter 11, from its own cell.

In the course's folder:

    python docs/images/draw_families.py
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
MASTER = HERE.parents[1] / "source" / "a11_one_thread.md"

# An opaque page: the picture reads the same in light and in dark mode.
PAGE = "#fbfbf8"


def drawing_code(master: str) -> str:
    """Return the definition of `draw_families` in the text of the chapter."""
    definition = re.search(r"^def draw_families\(ax\):\n(?:(?: .*)?\n)+", master, re.MULTILINE)
    if definition is None:
        raise SystemExit(f"{MASTER}: no function draw_families; this picture is drawn by it.")
    return definition.group()


def main() -> None:
    """Draw the picture on a page of its own."""
    namespace: dict[str, Any] = {"plt": plt}
    exec(drawing_code(MASTER.read_text(encoding="utf-8")), namespace)
    figure = plt.figure(figsize=(12, 5.4), dpi=130, facecolor=PAGE)
    namespace["draw_families"](figure.add_axes((0.01, 0.01, 0.98, 0.98)))
    figure.savefig(HERE / "families.png", facecolor=PAGE)


if __name__ == "__main__":
    main()
