"""The autograder zip, unpacked and run as Gradescope does it, and the results.json it writes."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest

from autograder.exports.gradescope_results import Visibility, gradescope_results, not_graded
from autograder.exports.gradescope_run import NotGraded, find_notebook
from autograder.exports.gradescope_zip import gradescope_zip, pinned_requirements
from autograder.results.document import ExerciseResult, Key, OwnLine, SubmissionResult, TestResult
from autograder.results.verdicts import Verdict
from autograder.sandbox.isolation import Isolation

SCHEMA = json.loads((Path(__file__).parent / "gradescope.schema.json").read_text())
LOCK = Path(__file__).parents[3] / "requirements.lock"


@pytest.fixture(scope="module")
def zipped(toy):
    return gradescope_zip(toy, Isolation.BOX, Visibility.AFTER_DUE_DATE)


@pytest.fixture
def container(tmp_path, zipped):
    """A folder laid out as /autograder; run the autograder in it and return its results.json."""
    root = tmp_path / "autograder"
    for name in ("source", "submission", "results"):
        (root / name).mkdir(parents=True)
    zipfile.ZipFile(io.BytesIO(zipped)).extractall(root / "source")
    shutil.copy(root / "source" / "run_autograder", root)

    def run(notebook=None, **environment):
        if notebook is not None:
            (root / "submission" / "toy.ipynb").write_bytes(notebook)
        (root / "results" / "results.json").write_text('{"score": 1000}')
        done = subprocess.run(
            ["bash", root / "run_autograder"],
            cwd=root,
            env={
                **os.environ,
                "AUTOGRADER_ROOT": str(root),
                "AUTOGRADER_PYTHON": sys.executable,
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        document = json.loads((root / "results" / "results.json").read_text())
        jsonschema.validate(document, SCHEMA)
        return document, done.stdout + done.stderr

    return run


@pytest.mark.box
@pytest.mark.slow
def test_a_submission_is_graded_in_the_container(container, submit):
    code = "def weighted_energy(x, weights):\n    return (weights * x**2).sum(dim=1)"
    document, said = container(submit(weighted_energy=code))
    assert document["score"] == 6.0, said  # 2 + 3, and 1 of extra credit.
    assert document["visibility"] == "after_due_date"
    assert document["stdout_visibility"] == "hidden"
    assert document["extra_data"]["isolation"] == "box"
    tests = {test["name"]: test for test in document["tests"]}
    right = tests["square: Each entry is multiplied by itself."]
    wrong = tests["weighted_energy: The energy of a known point is right."]
    assert (right["status"], right["score"], right["max_score"]) == ("passed", 1.0, 1.0)
    assert (wrong["status"], wrong["score"], wrong["max_score"]) == ("failed", 0.0, 2.0)
    assert "leaves out the factor 1/2" in wrong["output"]
    assert "Next step: Mind the half." in wrong["output"]
    # 8.75 is what the hidden test expects.
    assert not any(secret in json.dumps(document) for secret in ("8.75", "Traceback", "/source/"))


def test_without_a_sandbox_nothing_is_graded_and_everybody_is_told(container, submit, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "mkdir", "rm", "cat"):
        (tools / name).symlink_to(shutil.which(name))
    document, said = container(submit(), PATH=str(tools))
    assert (document["score"], document["tests"]) == (0.0, [])
    assert document["extra_data"]["needs_person"]
    assert document["visibility"] == "visible"
    assert "not your fault" in document["output"]
    assert "bubblewrap is not installed" in said


def test_where_python_is_missing_the_script_says_so(container, submit):
    document, said = container(submit(), AUTOGRADER_PYTHON="/nowhere/python")
    assert document["score"] == 0.0
    assert "could not start" in document["output"]
    assert "setup.sh" in said


def test_the_zip_is_the_same_each_time_with_scripts_at_its_root(zipped, toy):
    assert gradescope_zip(toy, Isolation.BOX, Visibility.AFTER_DUE_DATE) == zipped
    entries = {one.filename: one for one in zipfile.ZipFile(io.BytesIO(zipped)).infolist()}
    assert {name for name in entries if "/" not in name} == {
        "setup.sh",
        "run_autograder",
        "requirements.txt",
        "export.json",
    }
    assert entries["run_autograder"].external_attr >> 16 == 0o100755
    assert "course/tests/hidden/test_toy.py" in entries
    assert "engine/autograder/feedback/templates/exercise.html.j2" in entries
    # The configuration names it.
    assert "engine/autograder/formgrader/__init__.py" in entries
    assert not any("__pycache__" in name or "gradebook.db" in name for name in entries)


@pytest.mark.parametrize("name", ["setup.sh", "run_autograder"])
def test_the_scripts_are_bash(zipped, name):
    script = zipfile.ZipFile(io.BytesIO(zipped)).read(name)
    assert script.startswith(b"#!/usr/bin/env bash\n")
    assert b"\r" not in script
    subprocess.run(["bash", "-n"], input=script, check=True)


def test_requirements_are_those_pinned_for_the_course():
    pinned = {
        re.sub(r"[-_.]+", "-", line.lower())
        for line in LOCK.read_text().splitlines()
        if "==" in line
    }
    ours = {re.sub(r"[-_.]+", "-", line.lower()) for line in pinned_requirements()}
    assert ours - pinned == set()
    assert {"torch", "numpy", "pytest", "markupsafe"} <= {one.split("==")[0] for one in ours}


def test_isolation_none_is_a_choice_that_warns(export, tmp_path):
    path = tmp_path / "auto.zip"
    done = export(
        "--to", "gradescope", "--isolation", "none", "--visibility", "visible", "-o", path
    )
    assert "write its own score" in done.stderr
    settings = json.loads(zipfile.ZipFile(path).read("export.json"))
    assert settings == {"assignment": "toy", "isolation": "none", "visibility": "visible"}


def test_results_of_graded_submissions(export, marked):
    marked.results.mkdir(parents=True)
    marked.result("ada").write_text(graded().model_dump_json())
    export("--to", "gradescope", "--with-results")
    path = marked.course.root / "exports" / "toy-gradescope.results" / "ada" / "results.json"
    jsonschema.validate(json.loads(path.read_text()), SCHEMA)
    shutil.rmtree(marked.results)


def test_hidden_detail_and_what_terminals_obey_stay_out():
    written = gradescope_results(graded(), Visibility.VISIBLE).model_dump_json()
    jsonschema.validate(json.loads(written), SCHEMA)
    assert "SECRET" not in written
    assert "\\u001b" not in written
    (test,) = json.loads(written)["tests"]
    assert "line 2 of square: return \N{REPLACEMENT CHARACTER}[31mx" in test["output"]
    assert len(test["output"]) < 11_000


def test_scores_are_not_told_before_the_tests_are():
    early = gradescope_results(graded(), Visibility.AFTER_DUE_DATE)
    assert (early.output, early.visibility) == (
        "The notebook was read and graded.",
        "after_due_date",
    )
    assert gradescope_results(graded(), Visibility.VISIBLE).output == "square: 0 of 2"


def test_a_file_that_is_no_notebook_is_told_at_once():
    unreadable = graded().model_copy(update={"exercises": [], "notes": ["it is empty"]})
    document = gradescope_results(unreadable, Visibility.AFTER_DUE_DATE)
    assert document.visibility == "visible"
    assert document.output.endswith("no points.\nNote: it is empty")


def graded():
    own = OwnLine(line=2, function="square", text="return \x1b[31mx")
    test = TestResult(
        name="test_x",
        sentence="It squares.",
        verdict=Verdict.FAILED,
        own_lines=[own],
        hint="y" * 50_000,
        detail="SECRET",
    )
    exercise = ExerciseResult(
        name="square", points=2, score=0, verdict=Verdict.FAILED, tests=[test]
    )
    return SubmissionResult(
        assignment="toy",
        student="ada",
        score=0,
        max_score=2,
        verdict=Verdict.FAILED,
        isolation="box",
        key=Key(submission="", assignment="", engine="", settings=""),
        exercises=[exercise],
    )


def test_not_graded_is_seen_whatever_the_visibility():
    document = not_graded("why", needs_person=True).model_dump(mode="json")
    jsonschema.validate(document, SCHEMA)
    assert (document["visibility"], document["output"]) == ("visible", "why")


def test_which_notebook_is_taken(tmp_path):
    with pytest.raises(NotGraded, match=r"Submit toy\.ipynb: there is no notebook"):
        find_notebook(tmp_path, "toy")
    (tmp_path / "toy.ipynb").symlink_to("/etc/passwd")
    (tmp_path / "folder").mkdir()
    only = tmp_path / "folder" / "other.ipynb"
    only.touch()
    assert find_notebook(tmp_path, "toy") == only
    (tmp_path / "more.ipynb").touch()
    with pytest.raises(NotGraded, match="none of the 2 notebooks is of that name"):
        find_notebook(tmp_path, "toy")
    (tmp_path / "toy.ipynb").unlink()
    (tmp_path / "toy.ipynb").touch()
    assert find_notebook(tmp_path, "toy") == tmp_path / "toy.ipynb"


@pytest.mark.box
@pytest.mark.slow
def test_what_is_pinned_is_all_that_grading_needs(toy, submit, tmp_path):
    notebook = tmp_path / "toy.ipynb"
    notebook.write_bytes(submit())
    pinned = ",".join(line.partition("==")[0] for line in pinned_requirements())
    script = Path(__file__).with_name("only_pinned.py")
    command = [sys.executable, script, pinned, "--course", str(toy.course.root), "grade", "toy"]
    done = subprocess.run(
        [*command, str(notebook), "--json", "-j", "1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["submissions"][0]["score"] == 9.0
    assert "nbgrader" not in pinned, "so that the test can fail"
