"""What a built notebook says of its exercises is what the master says; grading needs no more."""

import json
from pathlib import Path

import pytest

from autograder.course import facts
from autograder.course.facts import (
    METADATA_KEY,
    exercise_of,
    is_edited_since,
    read_facts,
    slow_imports,
)
from autograder.course.files import find_course
from autograder.course.master import read_master
from autograder.errors import CourseError
from shared.commands import run_forked

ROOT = Path(__file__).parents[3]
NEEDED = {
    "a01_pca": (),
    "a02_ppca": ("scipy.stats",),
    "a03_vae": (),
    "a08_gan": ("torch.optim",),
    "a09_wgan": ("scipy.optimize",),
}


def test_the_facts_are_the_masters(toy):
    assert read_facts(toy) == read_master(toy).facts
    assert [one.name for one in read_facts(toy).tasks] == ["why_squares"]


def test_both_notebooks_bear_them(toy):
    for path in (toy.source_notebook, toy.release_notebook):
        assert METADATA_KEY in json.loads(path.read_text())["metadata"]


def test_they_are_read_anew_when_the_notebook_is_built_anew(toy_copy):
    before = read_facts(toy_copy)
    notebook = json.loads(toy_copy.release_notebook.read_text())
    notebook["metadata"][METADATA_KEY]["minutes"] = 77
    toy_copy.release_notebook.write_text(json.dumps(notebook))
    assert (before.minutes, read_facts(toy_copy).minutes) == (5, 77)


def test_an_edited_master_is_seen(toy_copy):
    assert not is_edited_since(toy_copy)
    toy_copy.master.write_text(toy_copy.master.read_text() + "\nOne more sentence.\n")
    assert is_edited_since(toy_copy)
    toy_copy.master.unlink()
    assert not is_edited_since(toy_copy), "where only what was built is there, that is all"


@pytest.mark.parametrize("damage", ["missing", "no facts", "odd facts", "no JSON"])
def test_what_is_not_built_or_by_an_older_engine_is_said(toy_copy, damage):
    path = toy_copy.release_notebook
    notebook = json.loads(path.read_text())
    if damage == "missing":
        path.unlink()
    elif damage == "no JSON":
        path.write_text("{")
    elif damage == "no facts":
        del notebook["metadata"][METADATA_KEY]
        path.write_text(json.dumps(notebook))
    else:
        notebook["metadata"][METADATA_KEY]["exercises"] = [{"name": "square"}]
        path.write_text(json.dumps(notebook))
    with pytest.raises(CourseError, match="toy is not built: run `autograder build toy`"):
        read_facts(toy_copy)


def test_a_cell_and_its_exercise_lead_to_one_another():
    assert exercise_of(facts.tests_cell("kl_standard")) == "kl_standard"
    assert exercise_of("a_task") == "a_task"


@pytest.mark.parametrize("name", NEEDED)
def test_an_assignments_slow_imports_are_seen(name):
    assert slow_imports(find_course(ROOT).assignment(name)) == NEEDED[name]


def test_slow_imports_of_hidden_tests_count(toy_copy):
    assert slow_imports(toy_copy) == ()
    toy_copy.hidden_tests.write_text(toy_copy.hidden_tests.read_text() + "\n# torch.optim.SGD\n")
    assert slow_imports(toy_copy) == ("torch.optim",)


def test_grading_warns_of_an_edited_master_and_goes_by_what_was_built(toy_copy, monkeypatch):
    monkeypatch.setenv("AUTOGRADER_ROOT_WITHOUT_BOX", "1")
    toy_copy.master.write_text(toy_copy.master.read_text().replace("points=2", "points=20"))
    path = toy_copy.submission("ada")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no notebook")
    words = ("grade", "toy", "--json", "--isolation", "none")
    done = run_forked(toy_copy.course.root, "autograder", *words)
    assert "toy.md was edited since it was built" in done.stderr
    (one,) = json.loads(done.stdout)["submissions"]
    assert one["max_score"] == sum(
        exercise.points for exercise in read_facts(toy_copy).exercises if not exercise.optional
    )
