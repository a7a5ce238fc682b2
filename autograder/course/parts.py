"""The text of hidden tests and known answers, exercise by exercise; nothing of it is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from autograder.answers import as_exercise, exercise_and_name
from autograder.course.files import Assignment
from autograder.errors import CourseError

TEST_CLASS_PREFIX = "Test_"


def exercise_of_statement(node: ast.stmt) -> str | None:
    """Return the exercise that a class of hidden tests or a known answer belongs to, if one."""
    if isinstance(node, ast.ClassDef) and node.name.startswith(TEST_CLASS_PREFIX):
        return node.name.removeprefix(TEST_CLASS_PREFIX)
    if isinstance(node, ast.FunctionDef):
        names = exercise_and_name(node.name)
        return names[0] if names else None
    return None


def hidden_test_sentences(assignment: Assignment) -> dict[str, dict[str, str]]:
    """Return, by exercise, the names and sentences of its hidden tests."""
    tree = ast.parse(existing_hidden_tests(assignment).read_text(encoding="utf-8"))
    return {
        node.name.removeprefix(TEST_CLASS_PREFIX): {
            item.name: ast.get_docstring(item) or ""
            for item in node.body
            if isinstance(item, ast.FunctionDef) and item.name.startswith("test_")
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name.startswith(TEST_CLASS_PREFIX)
    }


def existing_hidden_tests(assignment: Assignment) -> Path:
    """Return the file of an assignment's hidden tests, or say to make it."""
    path = assignment.hidden_tests
    if not path.is_file():
        raise CourseError(f"{assignment.name} has no hidden tests; create {path}")
    return path


def known_answer_sources(assignment: Assignment) -> Iterator[tuple[str, str]]:
    """Yield exercise and source of each known answer, as a student would have written it."""
    text = assignment.known_answers.read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.parse(text).body:
        exercise = exercise_of_statement(node)
        if exercise is not None and isinstance(node, ast.FunctionDef):
            source = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            yield exercise, as_exercise(source, node.name, exercise)
