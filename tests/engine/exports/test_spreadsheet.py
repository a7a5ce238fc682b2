"""No cell is a formula, no number is spoilt, and every CSV reader reads back what was there."""

import csv
import io

import pytest

from autograder.exports.spreadsheet import number_text, render_csv
from autograder.safe_text import for_cell

FORMULAS = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    '"=1',
    "\x00=1",
    "\ufeff=1",
    "＝1+1",
    "＋1+a",
    "－1+a",
    "＠A1",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_begins_a_formula(text):
    stripped = for_cell(text).lstrip(' \t\r\n"\x00\u200b\ufeff')
    assert stripped.startswith("'")
    assert text.lstrip(' \t\r\n"\x00\ufeff')[1:] in stripped


@pytest.mark.parametrize("text", ["a;=1+1", 'a",=1+1', "a\t@x", "a\n=1", "a; \t+1-cmd"])
def test_nor_does_what_another_separator_makes_a_cell(text):
    for separator in ";,\t\n":
        for part in for_cell(text).split(separator):
            assert part.strip(' "\t')[:1] not in set("=+-@")


@pytest.mark.parametrize("text", ["-5", "+49", "-1.5", "-1,5", "1e-3", "-3%", "37.49", "-", ""])
def test_a_written_number_stays_a_number(text):
    assert for_cell(text) == text


@pytest.mark.parametrize("text", ["Lovelace, Ada", "O'Neil", "a-b", "x@y.org", "Žluťoučký 🐎"])
def test_ordinary_names_stay_as_they_are(text):
    assert for_cell(text) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.0, "2"), (0.1 + 0.2, "0.3"), (-1.5, "-1.5"), (-0.0, "0"), (1e5, "100000")],
)
def test_numbers(value, text):
    assert number_text(value) == text


def test_python_reads_back_commas_quotes_newlines_and_unicode():
    rows = [["a,b", 'say "hi"', "two\nlines", "Δ;x"], [None, -1.5, "\udcff", "'"]]
    read = list(csv.reader(io.StringIO(render_csv(rows), newline=""), strict=True))
    assert read == [["a,b", 'say "hi"', "two\nlines", "Δ;x"], ["", "-1.5", "?", "'"]]
