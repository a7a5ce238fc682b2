"""Which submissions a class has, and what is said of paths that lead nowhere."""

import pytest

from autograder.errors import AutograderError
from autograder.submissions.finding import Found, find_submissions


def test_all_of_submitted_is_found_in_the_order_of_names(toy_copy, handed_in):
    for student in ("zoe", "adam o'neil"):
        handed_in(student)
    (toy_copy.course.submitted / "other" / "another_assignment").mkdir(parents=True)
    found = find_submissions(toy_copy, ())
    assert [one.student for one in found] == ["adam o'neil", "zoe"]
    assert all(one.in_course and one.path.is_file() for one in found)


def test_a_folder_without_a_notebook_is_found_too(toy_copy):
    toy_copy.submission("ada").parent.mkdir(parents=True)
    assert [one.student for one in find_submissions(toy_copy, ())] == ["ada"]


def test_no_submissions_says_where_they_lie(toy_copy):
    with pytest.raises(AutograderError, match=r"no submissions of toy in .*<student>/toy/toy\.ip"):
        find_submissions(toy_copy, ())


def test_a_path_below_submitted_means_its_student(toy_copy, handed_in):
    path = handed_in("ada")
    expected = [Found("ada", path, True)]
    for named in (path, path.parent, path.parent.parent):
        assert find_submissions(toy_copy, (named,)) == expected
    assert find_submissions(toy_copy, (path, path.parent)) == expected


def test_loose_notebooks_are_named_by_their_files(toy_copy, tmp_path):
    folder = tmp_path / "loose"
    folder.mkdir()
    for name in ("b.ipynb", "a b.ipynb", "notes.txt"):
        (folder / name).touch()
    found = find_submissions(toy_copy, (folder,))
    assert [(one.student, one.in_course) for one in found] == [("a b", False), ("b", False)]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: None, "no such file or folder"),
        (lambda folder: folder.mkdir(), "no notebooks in this folder"),
    ],
)
def test_a_path_that_leads_nowhere_is_named(toy_copy, tmp_path, make, said):
    path = tmp_path / "nowhere"
    make(path)
    with pytest.raises(AutograderError, match=f"nowhere: {said}"):
        find_submissions(toy_copy, (path,))


def test_two_submissions_of_one_name_are_named(toy_copy, tmp_path):
    paths = [tmp_path / folder / "ada.ipynb" for folder in "ab"]
    for path in paths:
        path.parent.mkdir()
        path.touch()
    with pytest.raises(AutograderError, match=r"two submissions of 'ada': .*a/ada.*b/ada"):
        find_submissions(toy_copy, tuple(paths))
