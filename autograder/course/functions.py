"""Cut the reference functions out of `solutions/`, signature, docstring and all."""

from __future__ import annotations

import ast

from autograder.course.files import Assignment
from autograder.course.texts import read_text
from autograder.errors import CourseError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


def read_functions(assignment: Assignment) -> dict[str, str]:
    """Return the source of every public function of an assignment's reference answers, by name."""
    path = assignment.solutions
    text = read_text(path, f"{assignment.name} has no reference answers; create {path}")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise CourseError(f"{path}:{error.lineno}: {error.msg}") from None
    lines = text.splitlines()
    return {
        node.name: "\n".join(lines[node.lineno - 1 : node.end_lineno]).rstrip()
        + ("" if END in lines[(node.end_lineno or 0) - 1] else _trailing(lines, node))
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }


def _trailing(lines: list[str], node: ast.FunctionDef) -> str:
    """Return the comment that ends the solution: the syntax tree does not count it as body."""
    following = lines[node.end_lineno : (node.end_lineno or 0) + 1]
    return f"\n{following[0]}" if following and following[0].strip() == END else ""


def setup_problems(assignment: Assignment, exercises: list[str]) -> list[str]:
    """Return what is wrong with the reference functions of these exercises."""
    functions = read_functions(assignment)
    problems = []
    for name in exercises:
        where = f"{assignment.solutions}: {name}"
        if name not in functions:
            problems.append(f"{where} is missing: every exercise has a reference of its name")
            continue
        source = functions[name]
        if source.count(BEGIN) != 1 or source.count(END) != 1:
            problems.append(f"{where}: put its body between one {BEGIN!r} and one {END!r}")
        if ast.get_docstring(ast.parse(source).body[0]) is None:  # type: ignore[arg-type]
            problems.append(f"{where} has no docstring: it is what the student reads")
    problems += [
        f"{assignment.solutions}: {name} belongs to no exercise of {assignment.master}"
        for name in functions
        if name not in exercises
    ]
    return problems
