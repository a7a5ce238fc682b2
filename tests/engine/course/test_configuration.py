"""A configuration that does not run is one line that says where, not a traceback."""

import pytest

from autograder.course.configuration import course_config
from autograder.errors import CourseError
from shared.commands import run_forked

BROKEN = {
    "no Python": (b"c = get_config(\n", "SyntaxError: '(' was never closed"),
    "an unknown name": (b"c = get_config()\nc.Limits.call_wall_s = ten\n", "NameError: name 'ten'"),
    "a module that is not there": (b"import no_such_module\n", "ModuleNotFoundError: No module"),
    "no UTF-8": (b"name = '\xff'\n", "SyntaxError: (unicode error)"),
    "an error of several lines": (b"raise ValueError('one\\ntwo')\n", "ValueError: one"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_does_not_run_is_named(toy_copy, kind):
    content, said = BROKEN[kind]
    toy_copy.course.config.write_bytes(content)
    with pytest.raises(CourseError) as raised:
        course_config(toy_copy.course)
    assert str(raised.value).startswith(f"{toy_copy.course.config}: {said}")
    assert "\n" not in str(raised.value)


def test_a_command_says_it_on_one_line(toy_copy):
    toy_copy.course.config.write_text("c = get_config(\n")
    done = run_forked(toy_copy.course.root, "autograder", "build")
    assert done.returncode == 2
    assert done.stderr.count("autograder: ") == 1
    assert "Traceback" not in done.stderr
