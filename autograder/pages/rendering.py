"""Render and write self-contained pages: everything escaped, and nothing active but our script.

A page says by its Content-Security-Policy what it may use: the style and the script whose hashes
it names, and pictures that are in it. No network, no `style` attributes, no event handlers.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from autograder.atomic_files import write_whole
from autograder.errors import AutograderError
from autograder.results.verdicts import VERDICT_WORDS, Verdict

VERDICT_SIGNS = {
    Verdict.PASSED: "✓",
    Verdict.FAILED: "✗",
    Verdict.MISSING: "·",
    Verdict.CRASHED: "crash",
    Verdict.OUT_OF_MEMORY: "mem",
    Verdict.TIMED_OUT: "time",
    Verdict.GRADER_ERROR: "ours",
}


class Statistic(Protocol):
    """A number, or the reason why there is none."""

    @property
    def value(self) -> float | None: ...

    @property
    def why_not(self) -> str: ...


@cache
def _environment(package: str) -> Environment:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("autograder.pages")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, percent=percent, words=VERDICT_WORDS.__getitem__)
    environment.filters.update(sign=VERDICT_SIGNS.__getitem__, statistic=statistic, page=page_name)
    return environment


def number(value: float) -> str:
    """Return a number with two digits at most, as points are written."""
    return f"{round(value, 2):g}"


def percent(share: float) -> str:
    """Return a share as a whole percentage, but never 0 or 100 % where it is not quite."""
    rounded = round(100 * share)
    if rounded == 100 and share < 1:
        rounded = 99
    if rounded == 0 and share > 0:
        rounded = 1
    return f"{rounded} %"


def statistic(of: Statistic) -> Markup | str:
    """Return a statistic with two digits, or a dash and the reason why there is none."""
    if of.value is None:
        return Markup('– <span class="why">{}</span>').format(of.why_not)
    return f"{of.value:.2f}".replace("-", "−")


def page_name(student: str) -> str:
    """Return the link to a student's page from the folder it lies in."""
    return quote(f"{file_stem(student)}.html", safe="")


def file_stem(name: str) -> str:
    """Return a student's or assignment's name where it can name a file; refuse another one."""
    if name in ("", ".", "..") or any(letter in name for letter in "/\\\x00"):
        raise AutograderError(f"{name!r} cannot name a file: rename it in results/")
    return name


@cache
def _asset(name: str) -> tuple[Markup, str]:
    """Return a style or script of ours, and the hash by which a page allows it."""
    text = (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"'sha256-{digest}'"


def render_page(package: str, template: str, *, scripted: bool, **values: Any) -> str:
    """Return a whole page from a package's template.

    `values` are escaped wherever they are not Markup of ours.
    """
    style, style_hash = _asset("page.css")
    script, script_hash = _asset("table.js") if scripted else (Markup(""), "'none'")
    policy = (
        f"default-src 'none'; script-src {script_hash}; style-src {style_hash}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return (
        _environment(package)
        .get_template(template)
        .render(policy=policy, style=style, script=script, **values)
    )


def write_page(path: Path, text: str) -> None:
    """Write a page, for its owner alone; what a stopped machine loses is made again."""
    write_whole(path, text.encode(), synced=False)
