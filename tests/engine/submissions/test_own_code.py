"""A student's code told from ours, whatever the code is."""

import pytest

from autograder.submissions.own_code import OurCode, binds, stubs_in

OURS = OurCode(("with check('f'):\n    f(1)",), ("with waits_for():\n    plt.plot(f(1))",))
DEEP = {
    "a long sum": "x = " + " + ".join(["1"] * 20_000),
    "a long chain": "x = y" + ".z" * 20_000,
    "many signs": "x = " + "-" * 20_000 + "1",
    "many brackets": "x = " + "(" * 150 + "1" + ")" * 150,
    "many lists": "x = " + "[" * 90 + "]" * 90,
    "a deep tree that still parses": "x = " + "-" * 700 + "1",
    "many blocks": "\n".join(" " * n + "if 1:" for n in range(95)) + "\n" + " " * 95 + "x = 1",
    "a NUL": "x = 1\0",
    "no code": "def broken(:",
    "a magic": "%%timeit\nx = 1",
    "nothing": "",
}


@pytest.mark.parametrize("name", DEEP)
def test_odd_code_comes_back_as_it_is(name):
    source = DEEP[name]
    assert OURS.taken_out_of(source) == source
    assert OURS.added_to("y = 1", source).strip() in (source.strip(), "")
    assert stubs_in(f"{source}\n# NotImplementedError", ["x"]) == ()
    assert binds(source, "nosuch") is False


def test_long_code_is_not_taken_apart():
    source = OURS.checks[0] + "\n" + "#" * 60_000
    assert OURS.taken_out_of(source) == source


MERGED = {
    "a check alone": ("with check('f'):\n    f(1)", "\n"),
    "in another form": ('with check("f") :\n\n    f( 1 )  # try', "\n\n"),
    "below an answer": ("def f(x): return x\nwith check('f'):\n    f(1)", "def f(x): return x\n\n"),
    "beside an answer": ("with check('f'): f(1)\nx = 1", "\nx = 1"),
    "changed": ("with check('f'):\n    f(2)", "with check('f'):\n    f(2)"),
    "a demo": ("x = 1\nwith waits_for():\n    plt.plot(f(1))", "x = 1\n\n"),
    "a demo in one line with code": (
        "x = 1; y = 2\nwith waits_for(): plt.plot(f(1))",
        "x = 1; y = 2\n",
    ),
}


@pytest.mark.parametrize("name", MERGED)
def test_our_cells_are_blanked_where_they_were_merged_in(name):
    source, left = MERGED[name]
    assert OURS.taken_out_of(source) == left


STUB = "def f(x):\n    {}\n    raise NotImplementedError{}"


@pytest.mark.parametrize(
    ("source", "is_stub"),
    [
        (STUB.format('"""Say."""', "()"), True),
        (STUB.format("...", ""), True),
        (STUB.format("pass", "('soon')"), True),
        (STUB.format("x = 1", ""), False),
        (STUB.format("if x: return 1", ""), False),
        (STUB.format("...", "") + "\n\ndef f(x):\n    return x", False),
        ("def f(x):\n    return x\n\n" + STUB.format("...", ""), True),
        (STUB.format("...", "") + "\nf = len", False),
        (STUB.format("...", "") + "\nfrom mine import f", False),
        (STUB.format("...", "").replace("def f", "def g"), False),
        ("class f:\n    raise NotImplementedError", True),
        ("f = None  # NotImplementedError", False),
    ],
)
def test_what_is_a_stub(source, is_stub):
    assert stubs_in(source, ["f", "h"]) == (("f",) if is_stub else ())
