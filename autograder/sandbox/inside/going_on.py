"""Go on in a cell below a line that cannot work here: an import, or a magic of a display.

A package that grading has not, a magic that needs a screen or an extension, and what is called for
its effect on a display, are seldom what the function below them needs.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import TracebackType

_IMPORTS = (ast.Import, ast.ImportFrom)
_LINE_MAGICS = {"run_line_magic", "system", "getoutput"}
# Of matplotlib: a backend, or a style that another version has.
_DISPLAY = {"use", "switch_backend"}
_CELL_MAGIC = "run_cell_magic"
_OTHER_LANGUAGES = {"bash", "html", "javascript", "js", "latex", "markdown", "perl", "pypy"}
_OTHER_LANGUAGES |= {"python2", "ruby", "script", "sh", "svg", "writefile", "file", "timeit"}


@dataclass(frozen=True)
class Rest:
    """What of a cell is still to be run, and what is left out."""

    code: str
    left_out: str


def rest_of(code: str, error: BaseException, filename: str, lost: set[str]) -> Rest | None:
    """Return what stands below the statement that raised; None where no other may do without it.

    `code` is Python, as IPython has made it of the cell. Names of an import are tried again, one
    by one. `lost` are names of imports that were left out so far; new ones are added.
    """
    place = _place(error.__traceback__, filename)
    statement = None if place is None else _statement_at(code, place)
    if statement is None or not isinstance(error, Exception):
        return None
    if isinstance(statement, _IMPORTS):
        lost |= {one.asname or one.name.partition(".")[0] for one in statement.names}
        return Rest(_below(code, statement), ast.unparse(statement))
    if _method_of(statement) in _LINE_MAGICS:
        return Rest(_below(code, statement), _magic_words(statement))
    if isinstance(statement, ast.Expr) and (
        (isinstance(error, NameError) and error.name in lost) or _method_of(statement) in _DISPLAY
    ):
        return Rest(_below(code, statement), ast.unparse(statement))
    return _body_of_magic(statement, error)


def _below(code: str, statement: ast.stmt) -> str:
    """Return the code after a statement, in the lines where it stands."""
    lines = code.encode().split(b"\n")
    last, end = statement.end_lineno or statement.lineno, statement.end_col_offset or 0
    beside = lines[last - 1][end:].lstrip(b" \t;").decode()
    again = "; ".join(filter(None, [*_each_alone(statement), beside]))
    # Comments keep the lines' numbers: IPython takes off empty lines.
    return "\n".join(["#"] * (last - 1) + [again or "#"] + [one.decode() for one in lines[last:]])


def _body_of_magic(statement: ast.stmt, error: Exception) -> Rest | None:
    """Return what stands below a cell's magic that is not there, or met an import that failed."""
    if _method_of(statement) != _CELL_MAGIC or type(error).__name__ not in (
        *("ImportError", "ModuleNotFoundError"),
        "UsageError",
    ):
        return None
    name, _, body = (ast.literal_eval(one) for one in statement.value.args)  # type: ignore
    return None if name in _OTHER_LANGUAGES else Rest(f"#\n{body}", f"%%{name}")


def _magic_words(statement: ast.stmt) -> str:
    """Return a magic as the student wrote it: `%matplotlib widget`, say."""
    words = [str(one.value) for one in statement.value.args if isinstance(one, ast.Constant)]  # type: ignore
    return f"{'%' if _method_of(statement) == 'run_line_magic' else '!'}{' '.join(words)}"


def _method_of(statement: ast.stmt) -> str:
    """Return the name of the method that a statement calls, of IPython's shell say; "" if none."""
    call = statement.value if isinstance(statement, (ast.Expr, ast.Assign)) else None
    is_method = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
    return call.func.attr if is_method else ""  # type: ignore[union-attr]


def _place(trace: TracebackType | None, filename: str) -> tuple[int, int] | None:
    """Return line and column where an error came through the cell itself, outside functions."""
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == filename and code.co_name == "<module>":
            line, _, column, _ = list(code.co_positions())[trace.tb_lasti // 2]
            return (line or trace.tb_lineno), column or 0
        trace = trace.tb_next
    return None


def _statement_at(code: str, place: tuple[int, int]) -> ast.stmt | None:
    for statement in ast.parse(code).body:
        start = statement.lineno, statement.col_offset
        if start <= place <= (statement.end_lineno or 0, statement.end_col_offset or 0):
            return statement
    return None


def _each_alone(statement: ast.stmt) -> list[str]:
    """Return an import of several names as imports of one, but for the first that could fail."""
    if not isinstance(statement, _IMPORTS) or len(statement.names) < 2:
        return []
    alone = []
    for alias in statement.names:
        one = ast.Import([alias])
        if isinstance(statement, ast.ImportFrom):
            one = ast.ImportFrom(statement.module, [alias], statement.level)  # type: ignore
        alone.append(ast.unparse(one))
    return alone
