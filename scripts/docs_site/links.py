"""Where a link of a page leads on the site: what lies outside docs/ has pages there, too."""

import posixpath
import re
from pathlib import PurePosixPath

# What stands outside docs/ and is a page of the site.
PAGES = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "bench/README.md": "benchmarks.md",
    "data/README.md": "data.md",
    # Of the README the site has the table of assignments.
    "README.md": "chapters/index.md",
    "docs/decisions": "decisions/index.md",
}
_FENCED = re.compile(r"^(`{3,4})[^\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def on_site(text: str, place: str, uri: str, repository: str | None) -> str:
    """Return a page's Markdown with links that lead somewhere on the site.

    `place` is where the page lies in the repository, `uri` on the site. A file that is no page is
    linked to at the repository's address; where none is configured, its name is left as text.
    """
    cut = _FENCED.split(text)
    fences = [one[0] for one in _FENCED.finditer(text)]
    # A split keeps the fence's own ticks, every second piece.
    prose = [_rewritten(piece, place, uri, repository) for piece in cut[::2]]
    return "".join(piece for pair in zip(prose, [*fences, ""], strict=True) for piece in pair)


def _rewritten(prose: str, place: str, uri: str, repository: str | None) -> str:
    def replaced(link: re.Match[str]) -> str:
        picture, words, target = link.groups()
        if "://" in target or target.startswith(("#", "mailto:")):
            return link[0]
        name, _, anchor = target.partition("#")
        there = posixpath.normpath(posixpath.join(posixpath.dirname(place), name))
        page = site_uri(there)
        if page is None:
            return f"[{words}]({repository}/{there})" if repository else words
        relative = posixpath.relpath(page, posixpath.dirname(uri) or ".")
        return f"{picture}[{words}]({relative}{'#' * bool(anchor)}{anchor})"

    return _LINK.sub(replaced, prose)


def site_uri(place: str) -> str | None:
    """Return where a file of the repository is on the site, if it is there."""
    if place in PAGES:
        return PAGES[place]
    path = PurePosixPath(place)
    if path.parts[0] == "docs":
        return str(path.relative_to("docs"))
    if path.parts[0] == "release" and path.suffix == ".ipynb":
        return f"chapters/{path.stem}.md"
    if path.suffix == ".svg":
        return f"images/{path.name}"
    return None
