"""Ids that nbgrader's pages would run, lose or take for a pattern are refused; all others stay."""

import pytest

from autograder.gradebook.student_ids import refuse_active_id

ORDINARY = [
    "ada",
    "untidy José's copy",
    "a.b-c_d@e+1",
    "ada@school.example",
    "o'neil",
    "数学",
    "Zoë",
    "Zoe\N{COMBINING DIAERESIS}",
    "نمی\N{ZERO WIDTH NON-JOINER}خواهم",
    "(x), y; z",
    "a{{b}}",
    "-x",
    "1234567",
]
ACTIVE = {
    **dict.fromkeys(("<b>", "a>b", "&lt;", 'a" onmouseover="x'), "an address or a pattern"),
    **dict.fromkeys(("*", "a?", "[ab]", "a]", "a\\", "a\\b"), "an address or a pattern"),
    **dict.fromkeys(("a%2fb", "100%", "a#b", r"$\href{a}{b}$"), "an address or a pattern"),
    **dict.fromkeys(("a\x1b[2J", "a\nb", "a\x00", "a\u202eb"), "not show all"),
    **dict.fromkeys(("a\u200b", "a\u2028b", "a\ue000"), "not show all"),
    **dict.fromkeys((".gradebook", ".", "..", "...", ".ada"), "begins with a dot"),
    **dict.fromkeys((" ada", "ada ", "ada\xa0"), "begins or ends with a space"),
    "a" * 201: "more than 200 bytes",
    "数" * 67: "more than 200 bytes",
}


@pytest.mark.parametrize("student", ORDINARY)
def test_an_ordinary_id_is_taken(student):
    assert refuse_active_id(student) is None


@pytest.mark.parametrize("student", ACTIVE, ids=ascii)
def test_an_active_id_is_refused_with_what_to_do(student):
    said = refuse_active_id(student)
    assert ": not entered in the gradebook: " in said
    assert ACTIVE[student] in said
    assert "rename the folder in submitted/" in said
    assert said.isprintable()


def test_a_folder_whose_name_is_no_text_is_refused():
    assert "not show all" in refuse_active_id(b"a\x80".decode("utf-8", "surrogateescape"))
