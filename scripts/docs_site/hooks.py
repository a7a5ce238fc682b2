"""MkDocs' hooks: pages that are made, links that leave docs/, formulas. Never asks a network."""

import posixpath
from functools import cache
from pathlib import Path
from typing import Any

import chapters
import formulas
import links
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from previews import shown_notebook

from autograder.course.files import Assignment, find_course

ROOT = Path(__file__).parents[2]
# Files of other folders that pages show.
_SHOWN = {
    **{f"images/{path.name}": path for path in sorted((ROOT / "bench" / "results").glob("*.svg"))},
    "LICENSE-course": ROOT / "LICENSE-course",
}


@cache
def _assignments() -> list[Assignment]:
    return find_course(ROOT).assignments()


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill in the navigation what there is: chapters and decisions."""
    for group in config.nav or []:
        for part in group.values() if isinstance(group, dict) else []:
            _fill(part, "Decisions", _decisions())
    _fill(config.nav or [], "Chapters", _chapter_uris())
    return config


def _fill(parts: list[Any], title: str, pages: list[str]) -> None:
    for part in parts:
        if isinstance(part, dict) and title in part:
            part[title] = pages


def _decisions() -> list[str]:
    found = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    return ["decisions/index.md", *(f"decisions/{path.name}" for path in found)]


def _chapter_uris() -> list[str]:
    return ["chapters/index.md", *(f"chapters/{one.name}.md" for one in _assignments())]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what does not lie in docs/: chapters with their pictures and notebooks, other pages."""
    made: dict[str, str | bytes] = {
        "chapters/index.md": _chapters(),
        "decisions/index.md": _list_of_decisions(),
    }
    for assignment in _assignments():
        text, pictures = chapters.page(assignment, shown_notebook(assignment))
        made[f"chapters/{assignment.name}.md"] = text
        made |= {f"chapters/pictures/{one.name}": one.content for one in pictures}
        made[f"notebooks/{assignment.name}.ipynb"] = assignment.release_notebook.read_bytes()
    for place, uri in links.PAGES.items():
        if (ROOT / place).is_file() and uri not in made:
            made[uri] = (ROOT / place).read_text(encoding="utf-8")
    made |= {uri: path.read_bytes() for uri, path in _SHOWN.items()}
    for uri, content in made.items():
        files.append(File.generated(config, uri, content=content))
    return files


def _chapters() -> str:
    """Return the list of chapters: the table of the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("\n## Assignments\n")[2].partition("\n## ")[0]
    return links.on_site(f"# Assignments\n{table}", "README.md", "chapters/index.md", None)


def _list_of_decisions() -> str:
    heads = {
        path.name: path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
        for path in sorted((ROOT / "docs" / "decisions").glob("*.md"))
    }
    lines = [f"- [{head}]({name})" for name, head in heads.items()]
    return "\n".join(
        ["# Decisions", "", "Choices with a reason, in the order they were made.", "", *lines, ""]
    )


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to where their files are on the site."""
    uri = page.file.src_uri
    if uri.startswith("chapters/") or uri == "decisions/index.md":
        return markdown
    places = {there: place for place, there in links.PAGES.items()}
    place = places.get(uri, posixpath.join("docs", uri))
    return links.on_site(markdown, place, uri, config.repo_url)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Typeset formulas."""
    return formulas.typeset(html)
