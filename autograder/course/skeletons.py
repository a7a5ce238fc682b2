"""Write the four faces of a new exercise as skeletons, for a person to fill in."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from pathlib import Path

from autograder.course.files import Assignment, Course
from autograder.course.master import read_master
from autograder.course.starting import write_notebook_setup
from autograder.course.texts import read_text, write_text
from autograder.errors import CourseError

MARK = "TODO"
"""What stands where something is to be filled in; `autograder check` asks for each."""

_NEW_MASTER = """\
---
title: "TODO: the assignment's title"
minutes: 60
---

# TODO: the assignment's title

TODO: the question, and what is needed to ask it.

```python setup=true
import numpy as np
```
"""

_SECTION = """\
### Exercise `{name}` ({extra}{points} points · 10 minutes · ★)

TODO: say before the exercise what it needs: shapes, conventions, what is passed in, edge cases.

```python exercise="{name}" points={points} minutes=10 difficulty=1{optional}

```

```python check="{name}"
with check("{name}"):
    expect({name}(1.0), 1.0, "TODO: what is seen here", "TODO: a next step that helps")
```
"""

_REFERENCE = '''

def {name}(x):
    """TODO: what it returns, shapes, units, errors, the equation."""
    ### BEGIN SOLUTION
    raise NotImplementedError  # TODO: the answer
    ### END SOLUTION
'''

_TESTS = '''

class Test_{name}:
    @pytest.mark.hint("TODO: the next step a student reads when this fails")
    def test_property(self, answer):
        """TODO: the property, in one sentence a student may read."""
        assert_close(answer(2.0), 2.0)  # TODO: an oracle that is not the reference
'''

_ANSWERS = """

@wrong("TODO: gets wrong in this way", caught_by="test_property")
def {name}__mistake(x):
    return 0.0 * x  # TODO: what a student would write


@right("TODO: computes it in another way")
def {name}__other_way(x):
    return x  # TODO: another right answer
"""

_HEADS = {
    "solutions": '"""Reference answers of {assignment}."""\n\nimport numpy as np\n',
    "hidden_tests": (
        '"""Hidden tests of {assignment}."""\n\nimport numpy as np\nimport pytest\n\n'
        "from autograder.testing import assert_close\n"
    ),
    "known_answers": (
        '"""Known answers of {assignment}: misconceptions and other right ways."""\n\n'
        "import numpy as np\n\nfrom autograder.answers import right, wrong\n"
    ),
}


def add_exercise(course: Course, assignment_name: str, exercise: str, optional: bool) -> list[Path]:
    """Write the faces of a new exercise; return the files written to. Nothing is overwritten.

    A course without the notebooks' helpers gets these, too.
    """
    for name in (assignment_name, exercise):
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
            raise CourseError(f"{name!r} is no name: letters, digits and _, as a function's")
    assignment = Assignment(course, assignment_name)
    for other in course.assignments():
        if exercise in {known.name for known in read_master(other).exercises}:
            raise CourseError(f"{other.name} has an exercise {exercise!r}: names are unique")
    words = {"name": exercise, "points": 2 if optional else 3, "assignment": assignment_name}
    words["extra"] = "optional, " if optional else ""
    words["optional"] = " optional=true" if optional else ""
    # All are read before any is written: what cannot be read leaves the rest as it was.
    texts = _with_skeletons(assignment, words, optional)
    for path, text in texts.items():
        write_text(path, text)
    if course.notebook_setup.exists():
        return list(texts)
    write_notebook_setup(course)
    return [course.notebook_setup, *texts]


def _with_skeletons(
    assignment: Assignment, words: Mapping[str, object], optional: bool
) -> dict[Path, str]:
    """Return each file of an assignment and its text with a skeleton in it."""
    master = _text_or(assignment.master, _NEW_MASTER)
    texts = {assignment.master: _insert(master, _SECTION.format(**words), optional)}
    for face, skeleton in (
        ("solutions", _REFERENCE),
        ("hidden_tests", _TESTS),
        ("known_answers", _ANSWERS),
    ):
        path: Path = getattr(assignment, face)
        before = _text_or(path, _HEADS[face].format(**words))
        texts[path] = before.rstrip("\n") + "\n" + skeleton.format(**words)
    return texts


def _text_or(path: Path, new: str) -> str:
    return read_text(path, f"{path} is gone") if path.exists() else new


def unfilled(assignment: Assignment) -> list[str]:
    """Return each line of an assignment's files where something is still to be filled in."""
    files = (assignment.master, assignment.solutions)
    return [
        f"{path}:{number}: fill in: {line[line.index(MARK) :].strip()[:80]}"
        for path in (*files, assignment.hidden_tests, assignment.known_answers)
        if path.is_file()
        for number, line in enumerate(read_text(path, f"{path} is gone").splitlines(), start=1)
        if MARK in line
    ]


def _insert(text: str, section: str, optional: bool) -> str:
    """Put a section where its kind of exercise ends: before the chapter's closing headings."""
    closing = ["The thread", "Further reading"] if optional else ["Going further", "The thread"]
    for heading in closing:
        found = re.search(rf"^## (?:[\d.]+ )?{heading}", text, re.MULTILINE)
        if found:
            return f"{text[: found.start()]}{section}\n{text[found.start() :]}"
    return f"{text.rstrip()}\n\n{section}"
