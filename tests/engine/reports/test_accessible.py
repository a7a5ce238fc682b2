"""Pages for instructors and students break no rule of axe, in light and in dark colours."""

import pytest

from autograder.reports.class_results import ClassResults
from autograder.reports.writing import (
    assignment_page,
    course_page,
    read_class,
    student_page,
    write_assignment,
    write_course,
)
from autograder.similarity.answers import Answer
from autograder.similarity.comparing import Alike, Pair
from autograder.similarity.side_by_side import render_pairs
from autograder.similarity.tokens import TokenLine
from shared.accessibility import in_colours, violations

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pages(small_class, made_up, tmp_path_factory):
    """The pages of a class, by name."""
    folder = tmp_path_factory.mktemp("accessible") / "course"
    course = made_up.copy_course(small_class.root, folder)
    classes = []
    for name in ("a01_pca", "a03_vae"):
        assignment = course.assignment(name)
        made_up.write_class(assignment, students=12)
        results = ClassResults(name)
        students = list(read_class(assignment, results, with_pages=True))
        write_assignment(assignment, results)
        classes.append(results)
    write_course(course, classes)
    similar = folder / "similar.html"
    similar.write_text(render_pairs("a01_pca", [_pair()]))
    return {
        "class": assignment_page(assignment),
        "course": course_page(course),
        "similar": similar,
        "student": student_page(assignment, students[0]),
    }


def _pair():
    """Two students with the same two lines."""
    lines = (
        TokenLine(1, "def center(X):", ("def", "(", ")")),
        TokenLine(2, "    return X - X.mean(axis=0)", ("return", "-")),
    )
    one, other = (Answer(student, lines) for student in ("ada", "bob"))
    return Pair(("ada", "bob"), (Alike("center", one, other, 1.0, 9),))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["class", "course", "similar", "student"])
def test_a_page_breaks_no_rule(name, scheme, pages, chromium):
    in_colours(chromium, scheme)
    chromium.get(pages[name].as_uri())
    assert violations(chromium) == {}


BROKEN = """<!doctype html><html><title>A page</title>
<nav><a href="#a">A</a></nav><nav><a href="#b">B</a></nav>
<main><h1 id="a">A</h1><img src="x"></main><p id="b">Beside it.</p></html>"""


def test_what_breaks_a_rule_is_found(tmp_path, chromium):
    page = tmp_path / "page.html"
    page.write_text(BROKEN)
    chromium.get(page.as_uri())
    broken = {"html-has-lang", "image-alt", "landmark-unique", "region"}
    assert violations(chromium).keys() == broken
