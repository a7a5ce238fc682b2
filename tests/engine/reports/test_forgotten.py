"""Who is forgotten is in no report of the class, once the reports are made again."""

import shutil

from autograder.course.files import find_course
from autograder.gradebook.forgetting import forget_student
from autograder.gradebook.traces import find_traces
from autograder.reports.class_results import ClassResults
from autograder.reports.writing import (
    graded_assignments,
    read_class,
    write_assignment,
    write_course,
)


def write_reports(course):
    classes = []
    for assignment in graded_assignments(course):
        results = ClassResults(assignment.name)
        list(read_class(assignment, results, with_pages=True))
        write_assignment(assignment, results)
        classes.append(results)
    write_course(course, classes)


def naming(course, student):
    pages = (course.root / "reports").rglob("*.html")
    return {path.name for path in pages if student in path.name or student in path.read_text()}


def test_who_is_forgotten_is_in_no_report_that_is_made_again(small_class, tmp_path):
    shutil.copytree(small_class.root, tmp_path / "course", symlinks=True)
    course = find_course(tmp_path / "course")
    student, *others = sorted(path.stem for path in (course.root / "results").glob("*/*.json"))
    own, whole_class = {f"{student}.html"}, {"a01_pca.html", "a03_vae.html", "course.html"}
    write_reports(course)
    assert naming(course, student) == own | whole_class
    forget_student(course, find_traces(course, student), in_exchange=False)
    assert naming(course, student) == whole_class
    assert set(find_traces(course, student).to_make_again) == {
        course.root / "reports" / name for name in whole_class
    }
    write_reports(course)
    assert naming(course, student) == set()
    assert not find_traces(course, student).to_make_again
    assert naming(course, others[-1])
