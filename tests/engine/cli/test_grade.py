"""`autograder grade` on downloads, with --json and with --what-changed, as a person types it."""

import json
import shutil
import zipfile

import pytest

from shared.commands import run_forked, run_fresh

pytestmark = [pytest.mark.box, pytest.mark.slow]

HALF = "def weighted_energy(x, w):\n    return (w * x**2).sum(dim=1)"


@pytest.fixture(scope="module")
def root(tmp_path_factory, copy_toy):
    return copy_toy(tmp_path_factory.mktemp("command") / "course").course.root


def grade(root, *arguments, run=run_forked):
    return run(root, "autograder", "grade", "toy", *arguments)


def snapshot(root, *names):
    return {
        path: path.read_bytes()
        for name in names
        for path in (root / name).rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def archive(submit, tmp_path_factory):
    """A Canvas download of two students, with something that climbs out of it."""
    path = tmp_path_factory.mktemp("download") / "submissions.zip"
    with zipfile.ZipFile(path, "w") as written:
        written.writestr("lovelaceada_101_2001_toy.ipynb", submit())
        written.writestr("bobb_102_2002_toy.ipynb", submit(weighted_energy=HALF))
        written.writestr("../../evil_103_2003_toy.ipynb", "{}")
    return path


@pytest.fixture(scope="module")
def graded_download(root, archive):
    """The course after its download was graded."""
    done = grade(root, str(archive))
    assert done.returncode == 1, done.stderr
    assert "evil" in done.stderr
    return root


def test_json_of_a_download_touches_nothing_of_the_course(root, archive):
    before = snapshot(root, ".")
    done = grade(root, str(archive), "--json", run=run_fresh)
    document = json.loads(done.stdout)
    assert [(one["student"], one["score"]) for one in document["submissions"]] == [
        ("101", 9.0),
        ("102", 5.0),
    ]
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line.get("student") for line in lines if "done" in line} == {"101", "102"}
    assert [line["total"] for line in lines if "done" in line] == [2, 2]
    assert any("evil" in line.get("left_out", "") for line in lines)
    assert snapshot(root, ".") == before


def test_a_download_is_collected_graded_and_entered(graded_download):
    assert sorted(
        path.parent.parent.name for path in graded_download.glob("submitted/*/toy/*.ipynb")
    ) == [
        "101",
        "102",
    ]
    assert json.loads((graded_download / "results/toy/102.json").read_text())["score"] == 5
    assert (graded_download / "autograded/102/toy/toy.ipynb").is_file()


def test_what_changed_says_whose_score_and_why_and_writes_nothing(graded_download, tmp_path):
    root = tmp_path / "course"
    shutil.copytree(graded_download, root)
    tests = root / "tests/hidden/test_toy.py"
    tests.write_text(tests.read_text().replace("(-2.0), -8.0", "(-2.0), 8.0"))
    before = snapshot(root, "results", "autograded", "submitted")
    done = grade(root, "--what-changed")
    said = " ".join(done.stdout.split())
    assert "2 of 2 submissions would be graded again" in said
    for student in ("101", "102"):
        assert f"{student} │ cube │ 1 │ 0 │ its hidden tests changed; now fails test_values" in said
    assert "square" not in said
    assert snapshot(root, "results", "autograded", "submitted") == before
    assert grade(root).returncode == 0
    assert json.loads((root / "results/toy/101.json").read_text())["extra_credit"] == 0
    assert "0 of 2" in grade(root, "--what-changed").stdout
