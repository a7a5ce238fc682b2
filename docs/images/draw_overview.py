"""Draw the README's picture: a graded class, and what two exercises of chapter 1 compute.

In the course's folder:

    autograder demo a01_pca
    autograder --course demo grade a01_pca --json > class.json
    PYTHONPATH=. python docs/images/draw_overview.py class.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from solutions.a01_pca import pca_eig, project, reconstruct

HERE = Path(__file__).parent
DIGITS = HERE.parents[1] / "data" / "digits.npz"

# An opaque page: the picture reads the same in light and in dark mode.
PAGE, INK, FAINT = "#fbfbf8", "#1f2328", "#6a7178"
BLUE, ORANGE = "#0072B2", "#D55E00"
# Each verdict has a sign and a lightness of its own: colour is never needed.
SIGNS = {
    "PASSED": ("✓", "#d3e6f3", INK),
    "FAILED": ("✗", "#c4500a", "white"),
    "MISSING": ("·", "#eeeeea", INK),
    "CRASHED": ("crash", "#4a4f55", "white"),
    "OUT_OF_MEMORY": ("mem", "#4a4f55", "white"),
    "TIMED_OUT": ("time", "#4a4f55", "white"),
    "GRADER_ERROR": ("ours", "black", "white"),
}


def draw_class(axes: Axes, submissions: list[dict[str, Any]]) -> None:
    """Draw students against exercises, a sign for each verdict."""
    names = [exercise["name"] for exercise in submissions[0]["exercises"]]
    for row, submission in enumerate(submissions):
        score = f"{submission['score']:g} of {submission['max_score']:g}"
        axes.text(-0.25, row, submission["student"], ha="right", va="center")
        axes.text(len(names) + 0.1, row, score, ha="left", va="center")
        for column, exercise in enumerate(submission["exercises"]):
            sign, colour, ink = SIGNS[exercise["verdict"]]
            axes.add_patch(Rectangle((column + 0.04, row - 0.44), 0.92, 0.88, fc=colour, lw=0))
            if 0 < exercise["score"] < exercise["points"]:
                sign = f"{exercise['score']:g}"
            size = 8 if len(sign) > 1 else 11
            axes.text(column + 0.5, row, sign, ha="center", va="center", color=ink, fontsize=size)
    for column, name in enumerate(names):
        axes.text(column + 0.35, -0.7, name, rotation=38, ha="left", va="bottom", fontsize=8.5)
    axes.set(xlim=(0, len(names)), ylim=(len(submissions) - 0.4, -0.6))
    axes.axis("off")


def draw_cloud(axes: Axes) -> None:
    """Draw a cloud and its two principal directions, each as long as two deviations."""
    rng = np.random.default_rng(3)
    cloud = rng.normal(size=(260, 2)) * [2.2, 0.7] @ np.array([[0.86, 0.51], [-0.51, 0.86]])
    directions, variances, mean = pca_eig(cloud, 2)
    axes.scatter(*cloud.T, s=7, color=FAINT, alpha=0.55, linewidths=0)
    for j, (colour, style) in enumerate([(BLUE, "-"), (ORANGE, (0, (2.2, 0.8)))]):
        # Signs are free: point every arrow up.
        tip = directions[:, j] * np.sign(directions[1, j]) * 2 * np.sqrt(variances[j])
        axes.plot(*zip(mean, mean + tip, strict=True), linestyle=style, color=colour, lw=3)
        axes.annotate(f"$w_{j + 1}$", mean + tip, (6, 4), textcoords="offset points", color=colour)
    axes.set(aspect="equal", xticks=[], yticks=[])
    axes.set_title("pca_eig: the directions that keep the variance", fontsize=10)
    for spine in axes.spines.values():
        spine.set_color("#c9ccd0")


def draw_digits(axes: list[Axes]) -> None:
    """Draw one digit rebuilt from ever more directions."""
    images = np.load(DIGITS)["images"].reshape(-1, 64).astype(float)
    for axis, k in zip(axes, (1, 4, 16, 64), strict=True):
        if k < 64:
            directions, _, mean = pca_eig(images, k)
            shown = reconstruct(project(images[:1], directions, mean), directions, mean)
        else:
            shown = images[:1]
        axis.imshow(shown.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        axis.set_title(f"k = {k}" if k < 64 else "the image", fontsize=9)
        axis.axis("off")


def main(results: Path) -> None:
    """Draw the picture from the document that `autograder grade --json` printed."""
    submissions = json.loads(results.read_text(encoding="utf-8"))["submissions"]
    submissions.sort(key=lambda submission: -submission["score"])
    plt.rcParams.update({"font.size": 9.5, "text.color": INK})
    figure = plt.figure(figsize=(12, 5.4), dpi=130, facecolor=PAGE)
    draw_class(figure.add_axes((0.125, 0.06, 0.44, 0.69)), submissions)
    figure.text(0.02, 0.94, "A class of made-up students, graded", fontsize=12, weight="bold")
    legend = "✓ passed   ✗ or points: failed   · not solved   crash, time, mem: ended there"
    figure.text(0.125, 0.015, legend, color=FAINT)
    figure.text(0.68, 0.94, "What its exercises compute", fontsize=12, weight="bold")
    draw_cloud(figure.add_axes((0.68, 0.42, 0.29, 0.43), facecolor=PAGE))
    digits = [figure.add_axes((0.68 + 0.075 * i, 0.07, 0.065, 0.2)) for i in range(4)]
    draw_digits(digits)
    figure.text(
        0.825, 0.33, "project and reconstruct: a digit from k numbers", ha="center", fontsize=10
    )
    figure.savefig(HERE / "overview.png", facecolor=PAGE)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
