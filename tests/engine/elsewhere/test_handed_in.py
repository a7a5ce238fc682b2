"""Ways of handing in: each notebook is found, and whoever handed in none is named."""

import io
import json
import zipfile

import pytest

from autograder.errors import AutograderError
from autograder.exports.gradescope_run import NotGraded, find_notebook
from autograder.submissions.finding import find_submissions, passed_over
from autograder.submissions.intake.collecting import collect
from autograder.submissions.intake.outcomes import Action
from autograder.submissions.names import is_named
from autograder.submissions.reading import UnreadableNotebook, read_bytes


def notebook(text="x"):
    cells = [{"cell_type": "code", "source": text, "metadata": {}, "outputs": []}]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}).encode()


SOLVED, OTHER = notebook("solved"), notebook("other")


def zipped(files):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


@pytest.fixture
def handed(toy_copy, tmp_path):
    """Return a function that collects a download of some files; gives outcomes, and what lies."""

    def run(files):
        path = tmp_path / "download.zip"
        path.write_bytes(zipped(files))
        outcomes = collect(toy_copy, (path,))
        lies = {
            one.parent.parent.name: one.read_bytes()
            for one in toy_copy.course.submitted.glob("*/toy/toy.ipynb")
        }
        return outcomes, lies

    return run


PLACED = {
    # What one student handed in, and what the table's note holds.
    "a notebook": ({"toy.ipynb": SOLVED}, ""),
    "in capitals": ({"TOY.IPYNB": SOLVED}, ""),
    "called a text": ({"toy.ipynb.txt": SOLVED}, ""),
    "called JSON": ({"toy.ipynb.json": SOLVED}, ""),
    "called JSON alone": ({"toy.json": SOLVED}, ""),
    "called a text alone": ({"toy.txt": SOLVED}, ""),
    "a download that a browser did not end": ({"toy.ipynb.download": SOLVED}, ""),
    "with a mark": ({"toy.ipynb.txt": b"\xef\xbb\xbf" + SOLVED}, ""),
    "under another name": ({"homework.ipynb": SOLVED}, "its name was homework.ipynb"),
    "in a zip": ({"work.zip": zipped({"work/toy.ipynb": SOLVED})}, ""),
    "in a zip, called a text": ({"work.zip": zipped({"toy.ipynb.txt": SOLVED})}, ""),
    "with what systems add": (
        {"toy.ipynb": SOLVED, "__MACOSX/._toy.ipynb": b"x", ".ipynb_checkpoints/toy.ipynb": OTHER},
        "",
    ),
    "with a photo": ({"toy.ipynb": SOLVED, "photo.jpg": b"x"}, "not taken: photo.jpg"),
    "with a photo in a zip": (
        {"work.zip": zipped({"toy.ipynb": SOLVED, "pictures/photo.heic": b"x"})},
        "not taken: photo.heic",
    ),
    "with other JSON": ({"toy.ipynb": SOLVED, "data.json": b"[1]"}, "not taken: data.json"),
    "with another notebook": (
        {"toy.ipynb": SOLVED, "scratch.ipynb": OTHER},
        "left aside: scratch.ipynb",
    ),
    "a copy of Jupyter's alone": ({"toy-Copy1.ipynb": SOLVED}, ""),
    "the same twice": ({"toy.ipynb": SOLVED, "toy-Copy1.ipynb": SOLVED}, ""),
}
ASKED = {
    # What one student handed in, and what a person reads.
    "Python": ({"toy.py": b"x = 1"}, "no notebook was handed in, but toy.py: ask for the .ipynb"),
    "a page": ({"toy.html": b"<html>"}, "but toy.html"),
    "a PDF": ({"toy.pdf": b"%PDF"}, "but toy.pdf"),
    "a text that is none": ({"toy.ipynb.txt": b"hello"}, "but toy.ipynb.txt"),
    "JSON that is none": ({"toy.json": b"{}"}, "but toy.json"),
    "tar": ({"toy.tar.gz": b"\x1f\x8b"}, "but toy.tar.gz"),
    "rar": ({"toy.rar": b"Rar!"}, "but toy.rar"),
    "7z": ({"toy.7z": b"7z"}, "but toy.7z"),
    "a checkpoint alone": ({".ipynb_checkpoints/toy-checkpoint.ipynb": OTHER}, "toy-checkpoint"),
    "a Mac's file alone": ({"._toy.ipynb": b"x"}, "but ._toy.ipynb"),
    "a PDF in a zip": ({"work.zip": zipped({"toy.pdf": b"x"})}, "but toy.pdf"),
    "an empty zip": ({"work.zip": zipped({})}, "but work.zip"),
    "photos": ({f"{n}.jpg": b"x" for n in range(7)}, "0.jpg, 1.jpg, 2.jpg, 3.jpg and 3 more"),
    "two of no name": ({"solution.ipynb": SOLVED, "scratch.ipynb": OTHER}, "none of them clearly"),
    "a blank and a copy": ({"toy.ipynb": OTHER, "toy-Copy1.ipynb": SOLVED}, "none of them clearly"),
    "a blank and a copy of Windows": (
        {"toy.ipynb": OTHER, "toy - Copy.ipynb": SOLVED},
        "none of them clearly",
    ),
    "a blank and a copy of Drive": (
        {"toy.ipynb": OTHER, "Copy of toy.ipynb": SOLVED},
        "none of them clearly",
    ),
}


def as_moodle(files):
    return {f"Ada L_1_assignsubmission_file_/{name}": text for name, text in files.items()}


def as_canvas(files):
    """As Canvas writes them: in one folder, each with a number of its own, later ones higher."""
    return {
        f"lada_12_{number}_{name}": text
        for number, (name, text) in enumerate(files.items(), 1000)
        if "/" not in name
    }


def as_folders(files):
    return {f"Ada L/{name}": text for name, text in files.items()}


CLASSMATES = {
    as_moodle: {f"B{n}_9{n}_assignsubmission_file_/toy.ipynb": SOLVED for n in range(2)},
    as_canvas: {f"b{n}_9{n}_5_toy.ipynb": SOLVED for n in range(2)},
    as_folders: {f"B{n}/toy.ipynb": SOLVED for n in range(2)},
}
STUDENT = {as_moodle: "Ada L", as_canvas: "12", as_folders: "Ada L"}


@pytest.mark.parametrize("platform", CLASSMATES, ids=lambda one: one.__name__)
@pytest.mark.parametrize("name", PLACED)
def test_a_notebook_is_placed(platform, name, handed):
    files, note = PLACED[name]
    outcomes, lies = handed(CLASSMATES[platform] | platform(files))
    assert [one.action for one in outcomes] == [Action.PLACED] * 3
    assert lies[STUDENT[platform]].removeprefix(b"\xef\xbb\xbf") == SOLVED
    (reason,) = [one.reason for one in outcomes if one.student == STUDENT[platform]]
    assert note in reason


@pytest.mark.parametrize("platform", CLASSMATES, ids=lambda one: one.__name__)
@pytest.mark.parametrize("name", ASKED)
def test_a_student_without_one_is_named(platform, name, handed):
    files, said = ASKED[name]
    files = platform(files)
    if not files:
        pytest.skip("Canvas takes no folders")
    outcomes, lies = handed(CLASSMATES[platform] | files)
    (left,) = [one for one in outcomes if one.needs_person]
    assert left.student == STUDENT[platform]
    assert said in left.reason
    assert len(lies) == 2


def test_an_online_text_is_named(handed):
    text = {"Ada L_1_assignsubmission_onlinetext/onlinetext.html": b"<p>hello"}
    outcomes, _ = handed(CLASSMATES[as_moodle] | text)
    (left,) = [one for one in outcomes if one.needs_person]
    assert (left.student, "but onlinetext.html" in left.reason) == ("Ada L", True)


def test_a_class_without_any_notebook_is_named(handed):
    outcomes, lies = handed({f"B{n}_9{n}_assignsubmission_file_/toy.pdf": b"x" for n in range(3)})
    assert [one.student for one in outcomes] == ["B0", "B1", "B2"]
    assert all(one.needs_person for one in outcomes)
    assert lies == {}


def test_what_belongs_to_nobody_is_not_told(handed):
    files = {"README.md": b"x", "__MACOSX/Ada/._toy.ipynb": b"x", ".DS_Store": b"x"}
    outcomes, _ = handed({"ada.ipynb": SOLVED, "bea.ipynb": OTHER, **files})
    assert [one.student for one in outcomes] == ["ada", "bea"]


def test_loose_files_of_no_notebook_are_told(handed):
    outcomes, _ = handed({"ada.ipynb": SOLVED, "bea.pdf": b"x", "cyd.ipynb.txt": OTHER})
    assert {one.student: one.needs_person for one in outcomes} == {
        "ada": False,
        "bea": True,
        "cyd": False,
    }


COPIES = [
    *("toy", "TOY", "toy-1", "toy (2)", "toy(1)", "toy-Copy1", "toy-Copy12", "toy copy"),
    *("toy copy 2", "toy - Copy", "toy - Copy (2)", "Copy of toy", "Kopie von toy", "toy - Kopie"),
    *("toy_final", "toy-checkpoint", "Copy of toy (1)"),
]


@pytest.mark.parametrize("name", COPIES)
def test_a_copys_name_is_known(name):
    assert is_named(f"{name}.ipynb", "toy")


@pytest.mark.parametrize("name", ["toy2", "my_toy", "toys", "toy_2b", "copy", "toy-1-2b"])
def test_another_name_is_none(name):
    assert not is_named(f"{name}.ipynb", "toy")


def lay(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


LYING = {
    "a zip": ({"toy.zip": b"x"}, "toy.ipynb was not submitted, but toy.zip: ask"),
    "a text": ({"toy.ipynb.txt": b"x"}, "but toy.ipynb.txt: ask"),
    "Python": ({"toy.py": b"x"}, "but toy.py: ask"),
    "in capitals": ({"toy.IPYNB": b"x"}, "but toy.IPYNB: rename it to toy.ipynb"),
    "in a folder": ({"work/toy.ipynb": b"x"}, "but work/toy.ipynb: rename it to toy.ipynb"),
    "many": ({f"{n}.pdf": b"x" for n in range(9)}, "3.pdf, 4.pdf, 4 more: ask"),
    "litter": ({".ipynb_checkpoints/toy.ipynb": b"x", "timestamp.txt": b"x"}, "not submitted"),
}


@pytest.mark.parametrize("name", LYING)
def test_what_lies_in_the_notebooks_place_is_said(name, tmp_path):
    files, said = LYING[name]
    lay(tmp_path, files)
    with pytest.raises(UnreadableNotebook) as caught:
        read_bytes(tmp_path / "toy.ipynb", 1)
    assert said in str(caught.value)
    assert name != "litter" or str(caught.value) == "toy.ipynb was not submitted"


def test_a_folder_of_loose_notebooks_says_what_it_passes_over(toy_copy, tmp_path):
    folder = tmp_path / "loose"
    lay(folder, {"ada.ipynb": SOLVED, "bea.IPYNB": SOLVED, "cyd.ipynb.txt": SOLVED})
    lay(folder, {"eve.zip": b"x", "work/fay.ipynb": SOLVED, "._ada.ipynb": b"x"})
    found = find_submissions(toy_copy, (folder,))
    assert [one.student for one in found] == ["ada", "bea", "cyd"]
    (said,) = passed_over(toy_copy, (folder,), found)
    assert said == f"{folder}: not graded: eve.zip, work"


def test_a_folder_without_notebooks_says_what_is_there(toy_copy, tmp_path):
    lay(tmp_path / "loose", {"eve.zip": b"x"})
    with pytest.raises(AutograderError, match=r"no notebooks in this folder, but eve\.zip"):
        find_submissions(toy_copy, (tmp_path / "loose",))


def test_a_second_notebook_beside_the_first_is_told(toy_copy, handed_in):
    path = handed_in("ada")
    path.with_name("toy-Copy1.ipynb").write_bytes(SOLVED)
    found = find_submissions(toy_copy, ())
    assert passed_over(toy_copy, (), found) == [
        "ada: not graded, beside toy.ipynb: toy-Copy1.ipynb"
    ]


ON_GRADESCOPE = {
    "its own name": {"toy.ipynb": SOLVED, "other.ipynb": OTHER},
    "a Mac's archive": {"toy.ipynb": SOLVED, "__MACOSX/._toy.ipynb": b"x"},
    "a Mac's archive in a folder": {"work/x.ipynb": SOLVED, "__MACOSX/work/._x.ipynb": b"x"},
    "a checkpoint": {"x.ipynb": SOLVED, ".ipynb_checkpoints/x-checkpoint.ipynb": OTHER},
    "in capitals": {"TOY.IPYNB": SOLVED},
    "called a text": {"toy.ipynb.txt": SOLVED, "notes.txt": b"x"},
    "called JSON": {"toy.json": SOLVED, "data.json": b"[]"},
    "in a folder, with another": {"work/toy.ipynb": SOLVED, "scratch.ipynb": OTHER},
    "a copy, with another": {"toy-Copy1.ipynb": SOLVED, "scratch.ipynb": OTHER},
}


@pytest.mark.parametrize("name", ON_GRADESCOPE)
def test_gradescopes_runner_finds_what_collect_does(name, tmp_path):
    lay(tmp_path, ON_GRADESCOPE[name])
    assert find_notebook(tmp_path, "toy").read_bytes() == SOLVED


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"toy.pdf": b"x"}, "there is no notebook, but toy.pdf, of that name"),
        ({"a.ipynb": OTHER, "b.ipynb": OTHER}, "none of the 2 notebooks is of that name"),
        ({"a/toy.ipynb": OTHER, "b/toy (1).ipynb": SOLVED}, "2 notebooks have that name"),
    ],
    ids=["none", "two", "two of the name"],
)
def test_gradescopes_runner_says_why_it_takes_none(files, said, tmp_path):
    lay(tmp_path, files)
    with pytest.raises(NotGraded, match=said):
        find_notebook(tmp_path, "toy")
