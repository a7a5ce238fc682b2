"""Show similar answers side by side on one page; everything students wrote is escaped."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader

from autograder.similarity.comparing import Pair


def render_pairs(assignment: str, pairs: list[Pair]) -> str:
    """Return a page without scripts: each pair, each exercise, lines in common marked."""
    loader = PackageLoader("autograder.similarity")
    template = Environment(loader=loader, autoescape=True).get_template("pairs.html.j2")
    return template.render(assignment=assignment, pairs=pairs)
