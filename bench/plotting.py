"""Draw a comparison and a scale run; decide nothing, compute nothing that is not in a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

_BLUE, _ORANGE, _GREEN, _PINK, _YELLOW, _SKY, _GREY = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999",
)  # fmt: skip
_STYLE = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "bench",
}
# What a submission's core seconds go to, in the order of the bar.
_SHARES = (
    ("cells_s", "cells", _BLUE),
    ("calls_and_tests_s", "hidden tests and their calls", _SKY),
    ("rest_s", "names, feedback, forks", _GREEN),
    ("between_s", "cores shared or idle", _GREY),
    ("after_s", "gradebook, afterwards", _ORANGE),
    ("start_up_s", "start-up", _YELLOW),
)
_PARTS = (
    ("boxes", "boxes: student code", _BLUE),
    ("judges", "judges", _GREEN),
    ("writer", "gradebook's writer", _ORANGE),
    ("coordinator", "coordinator", _YELLOW),
)


def plot_comparison(report: dict[str, Any], path: Path) -> None:
    """Draw throughput, and where a submission's time goes beside the floor's."""
    with plt.rc_context(_STYLE):
        figure, (graders, time, parts) = plt.subplots(
            3, 1, figsize=(8, 6.6), height_ratios=(4, 2.4, 2.4)
        )
        _throughput(graders, report)
        _shares(time, report)
        _parts(parts, report)
        figure.suptitle(
            f"{report['submissions']:,} submissions of {report['assignment']}, "
            f"{report['jobs']} judges on {report['cores']} cores"
        )
        _save(figure, path)


def _throughput(axes: Axes, report: dict[str, Any]) -> None:
    floor = report["floor_side_by_side"]
    bars = [
        ("stock nbgrader", report["nbgrader"], _GREY),
        ("otter-grader", report["otter"], _GREY),
        ("autograder grade", report["autograder"], _BLUE),
        (f"the floor, {floor['processes']} warm processes", floor, _SKY),
    ]
    bars = [bar for bar in bars if bar[1] is not None]
    rates = [bar[1]["submissions_per_second"] for bar in bars]
    drawn = axes.barh([bar[0] for bar in bars], rates, color=[bar[2] for bar in bars])
    ours = report["autograder"]["seconds"]
    labels = [
        f"{rate:.3g}" + (f"   (ours: {run['seconds'] / ours:.1f} ×)" if color == _GREY else "")
        for rate, (_, run, color) in zip(rates, bars, strict=True)
    ]
    axes.bar_label(drawn, labels, padding=4)
    axes.invert_yaxis()
    axes.margins(x=0.16)
    axes.set_xlabel("submissions a second, from start to exit (the floor: once it is warm)")


def _shares(axes: Axes, report: dict[str, Any]) -> None:
    rows = {"autograder grade": report["autograder"], "the floor": report["floor"]}
    for key, label, color in _SHARES:
        _stack(axes, rows, f"per_submission_{key}", label, color, over=1)
    _finish_stack(axes, "core seconds a submission: clock × cores")


def _parts(axes: Axes, report: dict[str, Any]) -> None:
    count = report["submissions"]
    rows = {"autograder grade": report["autograder"]}
    for part, label, color in _PARTS:
        _stack(axes, rows, f"{part}_cpu_s", label, color, over=count)
    floor = report["floor"]["per_submission_cpu_s"]
    axes.barh("the floor", floor, color=_GREY, height=0.6)
    axes.text(floor, "the floor", f" {floor:.2f}", va="center")
    _finish_stack(axes, "processor seconds a submission, start-up included", columns=4)


def _stack(axes: Axes, rows: dict[str, Any], key: str, label: str, color: str, over: float) -> None:
    """Append a share to the bar of each row that has it."""
    for row, values in rows.items():
        width = max(values.get(key, 0.0), 0.0) / over
        left = sum(patch.get_width() for patch in axes.patches if patch.get_gid() == row)
        bar = axes.barh(row, width, left=left, color=color, height=0.6, label=label)
        bar.patches[0].set_gid(row)
        total = left + width
        for text in [text for text in axes.texts if text.get_gid() == row]:
            text.remove()
        axes.text(total, row, f" {total:.2f}", va="center", gid=row)
        label = "_nolegend_"


def _finish_stack(axes: Axes, label: str, columns: int = 3) -> None:
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlim(left=0)
    axes.set_xlabel(label)
    axes.legend(ncols=columns, loc="lower center", bbox_to_anchor=(0.45, 1.0), fontsize=8)


def plot_scale(report: dict[str, Any], curves: dict[str, Any], path: Path) -> None:
    """Draw memory and time of a scale run against the submissions that are done."""
    with plt.rc_context(_STYLE):
        figure, (memory, time) = plt.subplots(2, 1, figsize=(8, 6), sharex=True)
        _memory(memory, report, curves)
        _seconds(time, report, curves)
        figure.suptitle(
            f"{report['submissions']:,} submissions of {report['assignment']}, "
            f"{report['jobs']} judges on {report['cores']} cores"
        )
        _save(figure, path)


def _memory(axes: Axes, report: dict[str, Any], curves: dict[str, Any]) -> None:
    slope = report["coordinator"]["rss_mb_per_1000_submissions"]
    lines = (
        ("coordinator_rss_mb", f"coordinator, resident ({slope:+.1f} MiB a 1,000)", _BLUE),
        ("coordinator_pss_mb", "coordinator, its own share", _SKY),
        ("writer_rss_mb", "gradebook's writer, resident", _ORANGE),
        ("judges_rss_mb", "all judges, resident", _GREEN),
    )
    for key, label, color in lines:
        axes.plot(curves["done"], curves[key], color=color, label=label, linewidth=1.5)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("MiB")
    axes.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.45, 1.0), fontsize=8)


def _seconds(axes: Axes, report: dict[str, Any], curves: dict[str, Any]) -> None:
    seconds = curves["seconds"]
    numbers = range(1, len(seconds) + 1)
    axes.plot(numbers, seconds, ".", color=_GREY, markersize=2, label="a submission in its judge")
    window = max(1, len(seconds) // 20)
    means = [
        sum(seconds[max(0, end - window) : end]) / len(seconds[max(0, end - window) : end])
        for end in numbers
    ]
    label = f"mean of {window}" if window > 1 else "joined up"
    axes.plot(numbers, means, color=_BLUE, linewidth=1.5, label=label)
    first, last = (report["time"][f"{which}_quarter_s"] for which in ("first", "last"))
    axes.set_ylim(bottom=0)
    axes.set_ylabel("seconds")
    axes.set_xlabel("submissions done")
    axes.legend(
        ncols=2,
        loc="lower center",
        bbox_to_anchor=(0.45, 1.0),
        fontsize=8,
        title=f"first quarter {first:.3f} s, last quarter {last:.3f} s a submission",
        title_fontsize=8,
    )


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
