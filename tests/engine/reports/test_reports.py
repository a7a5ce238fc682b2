"""The pages as they are written: what is in them, what is not, and that nothing is in doubt."""

import json
import re
from html.parser import HTMLParser

import matplotlib
import pytest
from click.testing import CliRunner

from autograder.atomic_files import UNFINISHED
from autograder.cli import main
from autograder.feedback.student_page import render_student_page
from autograder.gradebook.scores import automatic_score
from autograder.pages.rendering import file_stem, page_name, percent
from autograder.reports.assignment_page import item_reports, misconceptions, render_assignment_page
from autograder.reports.class_results import ClassResults
from autograder.reports.course_page import ways
from autograder.results.document import CellOutput, read_results
from autograder.results.verdicts import Verdict


class Page(HTMLParser):
    """What a page holds: tags with attributes, ids, links and text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.ids, self.links, self.text = [], [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        self.links += [
            attributes[name] for name in ("href", "src", "xlink:href") if name in attributes
        ]

    def handle_data(self, data):
        self.text += data


def report(course, *arguments):
    """Run the command as a person would."""
    return CliRunner().invoke(main, ["--course", str(course.root), "report", *arguments])


def results_of(assignment):
    """Return a class's results as the report knows them."""
    results = ClassResults(assignment.name)
    for result in read_results(assignment.results):
        results.add(result, automatic_score(result))
    return results


@pytest.fixture(scope="module")
def written(small_class):
    """The course after its reports were written, and what the command said."""
    said = report(small_class, "a01_pca").output + report(small_class, "a03_vae", "--course").output
    return small_class.root / "reports", said


@pytest.fixture
def results(small_class):
    return results_of(small_class.assignment("a01_pca"))


def pages(folder):
    names = ("a01_pca.html", "course.html", "a01_pca/ada.berg.html")
    return {name: (folder / name).read_text() for name in names}


def test_the_command_says_what_it_wrote(written):
    folder, said = written
    students = {path.stem for path in (folder.parent / "results/a01_pca").glob("*.json")}
    assert {path.stem for path in (folder / "a01_pca").glob("*.html")} == students
    assert f"wrote {folder / 'a01_pca.html'}" in said
    assert f"wrote {len(students)} feedback pages in {folder / 'a01_pca'}/" in said
    assert f"wrote {folder / 'course.html'}" in said
    assert not list(folder.rglob(f"{UNFINISHED}*"))


def test_pages_are_self_contained_and_have_no_styles_or_handlers_in_elements(written):
    for html in pages(written[0]).values():
        page = Page(html)
        # Before it, nothing but the page's encoding.
        assert [tag for tag, _ in page.tags[:3]] == ["html", "head", "meta"]
        assert page.tags[3][1]["http-equiv"] == "Content-Security-Policy"
        policy = page.tags[3][1]["content"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        for tag, attributes in page.tags:
            assert tag not in ("link", "iframe", "object", "embed", "form", "base")
            assert not [name for name in attributes if name == "style" or name.startswith("on")]
        for link in page.links:
            assert re.match(r"#|data:image/png;base64,|[\w.%-]+(/[\w.%-]+)?\.html$", link), link
        assert "url(http" not in html
        assert "@import" not in html


def test_every_link_leads_to_a_page_or_an_id_and_ids_are_unique(written):
    folder, _ = written
    for name, html in pages(folder).items():
        page = Page(html)
        assert len(page.ids) == len(set(page.ids))
        for link in page.links:
            if link.startswith("#"):
                assert link[1:] in page.ids
            elif link.endswith(".html"):
                assert ((folder / name).parent / link).is_file()


def test_references_within_pictures_are_resolved(written):
    html = (written[0] / "a01_pca.html").read_text()
    page = Page(html)
    referred = set(re.findall(r"url\(#([^)]+)\)", html))
    assert referred
    assert referred <= set(page.ids)
    assert not re.findall(r'(?:fill|stroke)="#(?!fff)', html)
    assert html.count('role="img"') == 4


def test_reports_are_the_same_when_written_again(written, small_class):
    before = pages(written[0])
    with matplotlib.rc_context({"axes.grid": True, "lines.linewidth": 9, "axes.facecolor": "red"}):
        report(small_class, "a01_pca", "--course")
    assert pages(written[0]) == before


def test_the_report_names_every_exercise_sentence_and_misconception(written, results):
    text = Page((written[0] / "a01_pca.html").read_text()).text
    for item in results.items.values():
        assert item.name in text
        for sentence in item.sentences.values():
            assert sentence in text
    shown = misconceptions(results)
    assert len(shown) > 5
    for one in shown:
        assert one.says in text
    assert "nan" not in text.split()


def test_a_students_page_shows_their_own_and_nothing_else(written, small_class):
    folder, _ = written
    assignment = small_class.assignment("a01_pca")
    results = list(read_results(assignment.results))
    for result in results[:8]:
        html = (folder / f"a01_pca/{result.student}.html").read_text()
        text = Page(html).text
        assert not [one.student for one in results if one.student in text and one is not result]
        assert "SECRET-NUMBER" not in html
        for exercise in result.exercises:
            unsolved = all(test.verdict is Verdict.MISSING for test in exercise.tests)
            for test in exercise.tests:
                assert test.name not in html
                # What is not solved is one line, without what was tried.
                assert unsolved or test.sentence in text
                assert test.message in text
                assert test.hint in text
                for own in test.own_lines:
                    assert f"line {own.line} of {own.function}: {own.text}" in text
            assert (exercise.misconception_says or "") in text
        assert html.count("<img ") == sum(len(cell.outputs) for cell in result.cells)


def test_the_instructors_page_has_no_expected_values(written):
    assert "SECRET-NUMBER" not in (written[0] / "a01_pca.html").read_text()


def test_pages_are_for_their_owner_alone(written):
    for name in pages(written[0]):
        assert (written[0] / name).stat().st_mode & 0o077 == 0


def test_our_faults_and_unreadable_files_are_no_failures(results):
    before = item_reports(results)[0]
    count = len(results.rows)
    blank = next(row for row in results.rows if row.is_readable)
    for row in results.rows:
        if row.is_readable:
            row.marks["center"].tests.update(
                dict.fromkeys(row.marks["center"].tests, Verdict.PASSED)
            )
    faulty = dict(blank.marks)
    tests = dict.fromkeys(blank.marks["center"].tests, Verdict.GRADER_ERROR)
    changed = {"verdict": Verdict.GRADER_ERROR, "score": 0.0, "tests": tests}
    faulty["center"] = type(blank.marks["center"])(**{**vars(blank.marks["center"]), **changed})
    results.rows.append(type(blank)(**{**vars(blank), "student": "faulty", "marks": faulty}))
    after = item_reports(results)[0]
    assert len(results.rows) == count + 1
    assert after.difficulty == before.difficulty
    assert after.counts == {**before.counts, "ours": before.counts["ours"] + 1}
    assert after.passed == before.passed
    assert all(test.difficulty.value == 1.0 for test in after.tests)
    assert all(test.discrimination.why_not == "all have the same score" for test in after.tests)


def test_a_blank_core_exercise_counts_nothing_and_an_optional_one_is_left_out(results):
    by_name = {report.name: report for report in item_reports(results)}
    for item in results.items.values():
        marks = [row.marks[item.name] for row in results.readable]
        known = [mark for mark in marks if mark.verdict is not Verdict.GRADER_ERROR]
        if item.optional:
            known = [mark for mark in known if mark.verdict is not Verdict.MISSING]
        expected = sum(mark.score / mark.points for mark in known) / len(known)
        assert by_name[item.name].difficulty.value == pytest.approx(expected)
        missing = sum(mark.verdict is Verdict.MISSING for mark in marks)
        assert by_name[item.name].counts["missing"] == missing
    assert any(by_name[name].counts["missing"] for name in ("choose_k", "pca_dual"))


def test_misconceptions_list_the_students_who_share_them(results):
    for one in misconceptions(results):
        sharing = [
            row.student for row in results.rows if row.marks[one.exercise].misconception == one.name
        ]
        assert one.students == sharing
        failed = [row for row in results.rows if row.marks[one.exercise].verdict is Verdict.FAILED]
        assert one.share_of_wrong == len(sharing) / len(failed)


def test_a_class_of_one_has_a_report_with_reasons(results):
    results.rows = results.readable[:1]
    page = Page(render_assignment_page(results))
    assert "under 10 students" in page.text
    assert "nan" not in page.text.split()
    assert "method" not in page.text
    assert sum(tag == "svg" and "role" in attributes for tag, attributes in page.tags) == 3


def test_a_class_of_unreadable_files_has_a_report(results):
    results.rows = [row for row in results.rows if not row.is_readable] or results.rows[:1]
    results.rows = [type(row)(**{**vars(row), "marks": {}}) for row in results.rows]
    page = Page(render_assignment_page(results))
    assert "under 10 students" in page.text
    assert sum(tag == "svg" and "role" in attributes for tag, attributes in page.tags) == 2


def test_results_of_another_version_are_told(results):
    results.rows[0] = type(results.rows[0])(**{**vars(results.rows[0]), "version": "older"})
    assert "1 results are of another version" in Page(render_assignment_page(results)).text


def test_students_are_followed_across_assignments(small_class):
    classes = [results_of(small_class.assignment(name)) for name in ("a01_pca", "a03_vae")]
    found = ways(classes)
    in_both = {row.student for row in classes[0].rows} | {row.student for row in classes[1].rows}
    assert [way.student for way in found] == sorted(in_both)
    for way in found:
        scores = [row.final.share for row in way.rows if row is not None]
        assert way.missing == 2 - len(scores)
        assert way.change == (scores[1] - scores[0] if len(scores) == 2 else None)
        assert way.has_fallen == (way.change is not None and way.change <= -0.25)
    assert any(way.missing for way in found)


def test_a_picture_too_large_for_a_browser_is_left_out(small_class, made_up):
    result = next(
        one for one in read_results(small_class.assignment("a01_pca").results) if one.cells
    )
    import base64
    import struct

    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 60000, 60000) + bytes(40)
    encoded = base64.b64encode(bomb).decode()
    output = {"output_type": "display_data", "data": {"image/png": encoded}}
    result.cells.append(CellOutput(index=9, outputs=[output]))
    page = Page(render_student_page(result, automatic_score(result)))
    assert encoded not in [link.partition(",")[2] for link in page.links]
    assert "1 more pictures are not shown" in page.text
    own = result.cells[0].outputs * 50
    result.cells = [CellOutput(index=7, outputs=own)]
    page = Page(render_student_page(result, automatic_score(result)))
    assert sum(tag == "img" for tag, _ in page.tags) == 40


def test_percentages_never_hide_the_last_student():
    assert [percent(share) for share in (0, 0.001, 0.5, 0.999, 1, 1.2)] == [
        "0 %",
        "1 %",
        "50 %",
        "99 %",
        "100 %",
        "120 %",
    ]


ODD_NAMES = ['a"b', "a#b?c%2F..", "<img src=x>", "javascript:alert(1)", "é ü", "a&b", "..x", "-rf"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_become_quoted_links(name):
    assert file_stem(name) == name
    assert re.fullmatch(r"[\w.%~-]+\.html", page_name(name))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../../etc", "a\x00b"])
def test_a_name_that_would_leave_the_folder_is_refused(name, small_class, tmp_path, made_up):
    course = made_up.copy_course(small_class.root, tmp_path / "course")
    assignment = course.assignment("a01_pca")
    path = next(small_class.assignment("a01_pca").results.glob("*.json"))
    document = {**json.loads(path.read_text()), "student": name}
    assignment.results.mkdir(parents=True)
    (assignment.results / "odd.json").write_text(json.dumps(document))
    done = report(course, "a01_pca")
    assert done.exit_code == 2
    assert "cannot name a file: rename it in results/" in done.output
    assert not list((course.root / "reports").rglob("*.html"))
    assert len(done.output.strip().splitlines()) == 1


def test_without_results_the_command_says_what_to_do(toy):
    done = report(toy.course, "toy")
    assert (done.exit_code, len(done.output.strip().splitlines())) == (2, 1)
    assert "run `autograder grade toy`" in done.output
    done = report(toy.course, "--course")
    assert (done.exit_code, "grade an assignment first" in done.output) == (2, True)
    done = report(toy.course)
    assert (done.exit_code, "name an assignment, or say --course" in done.output) == (2, True)
    assert "no assignment 'toi'" in report(toy.course, "toi").output


def test_a_file_that_cannot_be_read_is_told_and_the_rest_reported(small_class, tmp_path, made_up):
    course = made_up.copy_course(small_class.root, tmp_path / "course")
    assignment = course.assignment("a01_pca")
    made_up.write_class(assignment, students=5)
    (assignment.results / "broken.json").write_text("{")
    done = report(course, "a01_pca")
    assert done.exit_code == 0
    assert f"warning: 1 of {len(list(assignment.results.glob('*.json')))} files" in done.output
    assert (course.root / "reports/a01_pca.html").is_file()
