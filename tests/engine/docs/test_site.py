"""The site of the docs: it builds, asks no network, and tells no answer."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.course.files import find_course
from autograder.course.functions import read_functions
from autograder.course.made_up import read_release
from shared.accessibility import in_colours, violations

ROOT = Path(__file__).parents[3]
ASSIGNMENTS = find_course(ROOT).assignments()
# What a browser fetches by itself. A link that a person clicks is none of these.
FETCHED = re.compile(
    r"<(?:script|img|iframe|source)[^>]* src=\"([^\"]+)|<link[^>]* href=\"([^\"]+)"
)
SOME = ["index.html", "student.html", "chapters/index.html", "chapters/a08_gan.html"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built from what is there: no chapter is run for it."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return folder


def test_nothing_is_fetched_from_elsewhere(site):
    fetched = {
        (page.relative_to(site).as_posix(), address)
        for page in site.rglob("*.html")
        for found in FETCHED.findall(page.read_text(encoding="utf-8"))
        if "://" in (address := "".join(found))
    }
    assert fetched == set()


def test_formulas_are_typeset(site):
    pages = [page.read_text(encoding="utf-8") for page in site.rglob("*.html")]
    assert sum(page.count("<math ") for page in pages) > 1000
    assert not any("arithmatex" in page for page in pages)


@pytest.mark.parametrize("assignment", ASSIGNMENTS, ids=lambda one: one.name)
def test_a_chapter_has_its_page_without_its_answers(assignment, site):
    page = (site / "chapters" / f"{assignment.name}.html").read_text(encoding="utf-8")
    plain = re.sub(r"<[^>]+>", "", page)
    given = "".join(cell.source for cell in read_release(assignment).cells)
    for name, source in read_functions(assignment).items():
        assert f'id="{name}"' in page
        answer = source.partition("### BEGIN SOLUTION")[2].partition("### END SOLUTION")[0]
        told = {line.strip() for line in answer.splitlines() if len(line.strip()) > 20}
        # As a page writes `<` and the like.
        shown = plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        assert [line for line in told if line in shown and line not in given] == []
    assert "BEGIN MARK SCHEME" not in plain


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", SOME)
def test_a_page_breaks_no_rule(page, scheme, site, chromium):
    in_colours(chromium, scheme)
    chromium.get((site / page).as_uri())
    assert violations(chromium) == {}
