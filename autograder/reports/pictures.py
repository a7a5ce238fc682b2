"""Pictures of a class as inline SVG: drawn by matplotlib, coloured by the page's style.

Colours are placeholders in matplotlib and CSS variables in the page, so that one picture is
readable in light, in dark and on paper. What a colour says, a hatch, a shape or a label says too.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from functools import partial
from io import StringIO
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"
WIDTH_IN = 5.4
# A placeholder colour for each variable of the page's style.
_COLOURS = {
    name: f"#0a0b{number:02x}"
    for number, name in enumerate(
        ("ink", "muted", "paper", "passed", "failed", "missing", "ended", "ours"), start=1
    )
}
INK, MUTED, PAPER = _COLOURS["ink"], _COLOURS["muted"], _COLOURS["paper"]
_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 10.5,
    "hatch.linewidth": 0.8,
    "hatch.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "legend.frameon": False,
}
SERIES = (
    ("passed", "passed", ""),
    ("failed", "failed", "///"),
    ("missing", "not solved", ".."),
    ("ended", "ended early", "xxx"),
    ("ours", "our fault", "--"),
)


def score_distribution(shares: Sequence[float]) -> Markup:
    """Draw a histogram of scores in per cent, with the median."""
    percent = 100 * np.asarray(shares)
    top = max(100.0, float(percent.max(initial=0.0)))
    bins = np.arange(0, 5 * np.ceil((top + 1e-9) / 5) + 5.1, 5)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.hist(
            percent, bins=bins.tolist(), color=_COLOURS["passed"], edgecolor=PAPER, linewidth=1
        )
        _median(axes, percent, "{:.0f} %")
        axes.set_xlabel("score, % of the maximum")
        axes.set_ylabel("students")
        _whole_numbers(axes)

    label = f"Histogram of the scores of {len(shares)} students"
    return _picture("scores", label, 2.7, draw)


def verdicts_by_exercise(counts: dict[str, dict[str, int]]) -> Markup:
    """Draw, for each exercise, the shares of students who passed, failed, and so on."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        names = list(counts)
        totals = np.array([max(1, sum(counts[name].values())) for name in names])
        left = np.zeros(len(names))
        for key, label, hatch in SERIES:
            widths = 100 * np.array([counts[name].get(key, 0) for name in names]) / totals
            if not widths.any():
                continue
            axes.barh(
                range(len(names)),
                widths,
                left=left,
                height=0.74,
                color=_COLOURS[key],
                edgecolor=INK,
                linewidth=0.6,
                hatch=hatch,
                label=label,
            )
            left += widths
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.set_xlabel("% of students")
        figure.legend(loc="outside upper left", ncols=3, handlelength=1.8, handleheight=1.1)

    height = 1.3 + 0.27 * len(counts)
    return _picture("verdicts", "For each exercise, how it ended for the class", height, draw)


def difficulty_and_discrimination(items: Sequence[tuple[int, float, float, bool]]) -> Markup:
    """Draw exercises by difficulty and discrimination; a number names the exercise.

    Each item is its number, its difficulty, its discrimination, and whether it is optional.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for optional, marker, label in ((False, "o", "core"), (True, "D", "optional")):
            chosen = [item for item in items if item[3] is optional]
            if not chosen:
                continue
            axes.scatter(
                [100 * item[1] for item in chosen],
                [item[2] for item in chosen],
                s=42,
                marker=marker,
                color=_COLOURS["failed" if optional else "passed"],
                edgecolor=INK,
                linewidth=0.7,
                label=label,
            )
        _number_points(axes, items)
        axes.axhline(0.2, color=MUTED, linewidth=0.8, dashes=(4, 3))
        axes.set_xlim(-3, 106)
        low = min([0.0, *(item[2] for item in items)])
        axes.set_ylim(low - 0.08, max([0.5, *(item[2] for item in items)]) + 0.12)
        axes.set_xlabel("mean share of points, %  (hard → easy)")
        axes.set_ylabel("discrimination")
        figure.legend(loc="outside upper left", ncols=2)

    label = "Exercises by difficulty and discrimination; below the dashed line of 0.2 look twice"
    return _picture("items", label, 3.3, draw)


def _number_points(axes: Axes, items: Sequence[tuple[int, float, float, bool]]) -> None:
    """Write each point's number beside it, on the side where most room is left."""
    taken = [(100 * item[1], item[2]) for item in items]
    sides = [(x, y) for x in (2.6, 0.0, -2.6) for y in (0.045, 0.0, -0.045) if x or y]
    for number, share, y, _ in items:
        x = 100 * share
        spots = [(x + dx, y + dy) for dx, dy in sides]
        others = [point for point in taken if point != (x, y)]
        spot = max(spots, key=partial(_room, others))
        taken.append(spot)
        axes.text(*spot, str(number), fontsize=9, ha="center", va="center")


def _room(others: list[tuple[float, float]], spot: tuple[float, float]) -> float:
    """Return a spot's distance to what is nearest, as shares of the picture; enough is enough."""
    distances = [np.hypot((spot[0] - x) / 109, (spot[1] - y) / 0.8) for x, y in others]
    return float(min([0.15, *distances]))


def seconds_and_memory(seconds: Sequence[float], memory_mb: Sequence[float]) -> Markup:
    """Draw histograms of the wall time and of the peak memory of submissions."""

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, values, label, colour, hatch, form in (
            (left, seconds, "seconds", "passed", "", "{:.1f} s"),
            (right, memory_mb, "peak memory, MiB", "failed", "///", "{:.0f} MiB"),
        ):
            data = np.asarray(values, dtype=float)
            axes.hist(
                data, bins=14, color=_COLOURS[colour], edgecolor=INK, linewidth=0.5, hatch=hatch
            )
            _median(axes, data, form)
            axes.set_xlabel(label)
            axes.set_xlim(left=0)
        left.set_ylabel("students")
        _whole_numbers(left)

    return _picture("costs", "Histograms of seconds and of peak memory", 2.7, draw)


def class_over_assignments(names: Sequence[str], shares: Sequence[Sequence[float]]) -> Markup:
    """Draw each student's way over the assignments, with the class's median and quartiles.

    Shapes: `shares` one row a student, a share for each assignment, NaN where there is none.
    """
    percent = 100 * np.array(shares, dtype=float).reshape(-1, len(names))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        at = np.arange(len(names))
        for way in percent[:: max(1, len(percent) // 250)]:
            axes.plot(at, way, color=MUTED, linewidth=0.5, alpha=0.35, marker=".", markersize=2)
        low, middle, high = np.nanpercentile(percent, (25, 50, 75), axis=0)
        axes.errorbar(
            at,
            middle,
            yerr=(middle - low, high - middle),
            color=INK,
            linewidth=2.2,
            marker="o",
            markerfacecolor=_COLOURS["passed"],
            markeredgecolor=INK,
            markersize=9,
            capsize=7,
        )
        behind = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.5}
        for x, value in zip(at, middle, strict=True):
            label = f"{value:.0f} %"
            axes.annotate(label, (x, value), (10, 8), textcoords="offset points", bbox=behind)
        axes.set_xticks(at, names, rotation=0 if len(names) < 4 else 60)
        axes.set_xlim(-0.35, len(names) - 0.55)
        axes.set_ylabel("score, % of the maximum")

    label = "Scores over the assignments: thin lines are students; the thick one median, quartiles"
    return _picture("course", label, 3.2 if len(names) < 4 else 4.2, draw)


def _median(axes: Axes, values: np.ndarray, form: str) -> None:
    median = float(np.median(values))
    axes.axvline(median, color=INK, linewidth=1.4, dashes=(5, 2))
    axes.set_title(f"median {form.format(median)}", loc="right", fontsize=10)


def _whole_numbers(axes: Axes) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))


def _picture(name: str, label: str, height_in: float, draw: Callable[[Figure], None]) -> Markup:
    """Return what `draw` draws as SVG: without style attributes, ids its own, coloured by CSS."""
    settings: Any = {**_SETTINGS, "svg.hashsalt": name}
    # Whoever calls may have settings of their own.
    with style.context("default"), matplotlib.rc_context(settings):
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        draw(figure)
        text = StringIO()
        FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None})
    root = ElementTree.fromstring(text.getvalue())
    _make_inline(root, name, label)
    ElementTree.register_namespace("", _SVG)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _make_inline(root: ElementTree.Element, name: str, label: str) -> None:
    for child in list(root):
        if child.tag == f"{{{_SVG}}}metadata":
            root.remove(child)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{{{_SVG}}}style":
                parent.remove(child)
    used = set(re.findall(r"#([\w-]+)", ElementTree.tostring(root, encoding="unicode")))
    for element in root.iter():
        _without_style(element)
        if element.get("id") in used:
            element.set("id", f"{name}-{element.get('id')}")
        else:
            element.attrib.pop("id", None)
        for key, value in list(element.attrib.items()):
            if key == _XLINK:
                # Every browser of today knows the attribute without its namespace.
                del element.attrib[key]
                element.set("href", f"#{name}-{value.removeprefix('#')}")
            else:
                element.set(key, _recoloured(value.replace("url(#", f"url(#{name}-")))
    for size in ("width", "height"):
        root.attrib.pop(size, None)
    root.attrib.update({"role": "img", "aria-label": label})


def _recoloured(value: str) -> str:
    for name, colour in _COLOURS.items():
        if value == colour:
            return f"var(--{name})"
    return value


def _without_style(element: ElementTree.Element) -> None:
    """Turn a style attribute, which the page's policy forbids, into attributes."""
    for declaration in filter(None, element.attrib.pop("style", "").split(";")):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key == "font":
            size = re.search(r"([\d.]+)px", value)
            if size:
                element.set("font-size", size[1])
        else:
            element.set(key, value)
