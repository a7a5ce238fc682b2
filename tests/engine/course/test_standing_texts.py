"""What every notebook of a course says, and what all chapters say alike."""

import re
from pathlib import Path

import nbformat
import pytest

from autograder.course.files import find_course
from autograder.course.made_up import grade_id, read_release
from autograder.course.master import read_master
from autograder.course.notebooks import source_notebook
from autograder.errors import CourseError

COURSE = find_course(Path(__file__).parents[3])
ASSIGNMENTS = {one.name: one for one in COURSE.assignments()}
EVERY_CHAPTER = pytest.mark.parametrize("name", ASSIGNMENTS)


@EVERY_CHAPTER
def test_how_to_work_stands_above_the_first_code(name):
    cells = read_release(ASSIGNMENTS[name]).cells
    first = next(number for number, cell in enumerate(cells) if cell.cell_type == "code")
    assert cells[first - 1].source.startswith("> **How to work.**")
    assert sum("**How to work.**" in cell.source for cell in cells) == 1


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("a01_pca", "matplotlib and numpy."),
        ("a02_ppca", "matplotlib, numpy and scipy."),
        ("a03_vae", "matplotlib, numpy and torch."),
    ],
)
def test_it_names_what_the_chapter_imports(name, needs):
    (said,) = [
        " ".join(cell.source.replace("\n> ", " ").split())
        for cell in read_release(ASSIGNMENTS[name]).cells
        if "**How to work.**" in cell.source
    ]
    assert said.endswith(f"This chapter needs {needs}")


def heading(exercise):
    optional = "optional, " if exercise.optional else ""
    points = f"{exercise.points} point{'' if exercise.points == 1 else 's'}"
    stars = "★" * exercise.difficulty
    effort = f"{exercise.minutes} minutes · {stars}"
    return f"### Exercise `{exercise.name}` ({optional}{points} · {effort})"


@EVERY_CHAPTER
def test_the_table_of_contents_lists_the_exercises_as_they_are(name):
    master = read_master(ASSIGNMENTS[name])
    text = ASSIGNMENTS[name].master.read_text()
    found = [line for line in text.splitlines() if line.startswith("### Exercise")]
    assert found == [heading(exercise) for exercise in master.exercises]


@EVERY_CHAPTER
def test_a_derivation_has_a_heading_of_its_own(name):
    cells = source_notebook(read_master(ASSIGNMENTS[name])).cells
    (task,) = [number for number, cell in enumerate(cells) if "Marking scheme" in cell.source]
    pattern = r"### By hand: .+ \(4 points · \d+ minutes · ★+\)\n"
    assert re.match(pattern, cells[task - 2].source)
    assert grade_id(cells[task]) == read_master(ASSIGNMENTS[name]).facts.tasks[0].name


@EVERY_CHAPTER
def test_what_to_see_is_said_in_one_way(name):
    text = ASSIGNMENTS[name].master.read_text()
    assert len(re.findall("what to see", text, re.IGNORECASE)) == len(
        re.findall(r"^\*What to see:\* ", text, re.MULTILINE)
    )


def with_address(assignment, address):
    config = assignment.course.config
    config.write_text(f"{config.read_text()}\nc.Course.address = {address!r}\n")
    return source_notebook(read_master(assignment)).cells[0].source


@pytest.mark.parametrize(
    ("address", "repository", "branch"),
    [
        ("https://github.com/some-one/a.course", "some-one/a.course", "main"),
        ("https://github.com/some-one/a.course/", "some-one/a.course", "main"),
        ("https://github.com/some-one/course.git", "some-one/course", "main"),
        ("https://github.com/some-one/course/tree/2027", "some-one/course", "2027"),
    ],
)
def test_with_an_address_a_notebook_begins_with_where_it_opens(
    toy_copy, address, repository, branch
):
    path = "release/toy/toy.ipynb"
    assert with_address(toy_copy, address) == (
        f"[**Open in Colab**](https://colab.research.google.com/github/{repository}/blob/{branch}/{path})"
        f" · [**Open in Binder**](https://mybinder.org/v2/gh/{repository}/{branch}?labpath={path})"
    )


@pytest.mark.parametrize(
    "address", ["github.com/a/b", "https://example.org/a/b", "https://github.com/a", "x](y)"]
)
def test_an_address_that_is_no_repository_is_refused_with_what_to_write(toy_copy, address):
    with pytest.raises(CourseError, match=r"write https://github\.com/OWNER/REPOSITORY"):
        with_address(toy_copy, address)


def test_without_an_address_there_are_no_links(toy):
    text = toy.release_notebook.read_text()
    assert "colab" not in text
    assert "binder" not in text
    assert "Squares" in nbformat.read(toy.release_notebook, as_version=4).cells[0].source


def test_ours_has_none():
    assert "colab.research" not in read_release(ASSIGNMENTS["a01_pca"]).cells[0].source
