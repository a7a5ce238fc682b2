"""What a course may import, name by name: a change here is a change for every course."""

import autograder
from autograder import answers, testing


def test_the_package_names_what_a_course_imports():
    assert autograder.__all__ == ["answers", "errors", "testing"]


def test_hidden_tests_import_these():
    assert testing.__all__ == [
        "ATOL",
        "RTOL",
        "Answer",
        "assert_close",
        "assert_drawn_from",
        "assert_pure",
        "callback",
    ]


def test_known_answers_import_these():
    assert answers.__all__ == ["right", "wrong"]


def test_all_of_them_are_there():
    for module in (answers, testing):
        assert all(hasattr(module, name) for name in module.__all__)
    namespace: dict[str, object] = {}
    exec("from autograder import *", namespace)
    assert {"answers", "errors", "testing"} <= namespace.keys()
