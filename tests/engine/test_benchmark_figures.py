"""What the benchmarks in `bench/` compute: figures that are quoted, from runs that are made up."""

import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from autograder.course.parts import hidden_test_sentences
from autograder.testing import callback

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture(scope="module", autouse=True)
def bench():
    """The benchmarks' modules are scripts: their folder is on the path while they run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        yield


@pytest.fixture
def ours():
    """Two judges, four submissions of 2 s: 3 s of start-up, 4 s of grading, 1 s afterwards."""
    from ratios import OurRun
    from running import PARTS, Run, Sample

    def sample(at, coordinator, boxes):
        cpu = {**dict.fromkeys(PARTS, 0.0), "coordinator": coordinator, "boxes": boxes}
        return Sample(at, cpu, dict.fromkeys(PARTS, 100.0), 50.0)

    samples = [sample(102.5, 2.0, 0.5), sample(106.0, 2.5, 5.0)]
    run = Run(100.0, 8.0, 12.0, 0, samples=samples)
    result = {"cells_seconds": 0.5, "exercises": [{"seconds": 0.7}, {"seconds": 0.3}]}
    return OurRun(run, 2, [105.0, 105.0, 107.0, 107.0], [2.0] * 4, [result] * 4)


@pytest.fixture
def floor():
    """Four submissions in 4 s on one core, after a start-up of 2 s."""
    from ratios import FloorRun
    from running import Run

    one = {"seconds": 1.0, "cpu_seconds": 0.9, "cells_seconds": 0.6}
    return FloorRun(Run(0.0, 6.2, 5.0, 0), 1, 2.0, 4.0, [one] * 4)


def test_shares_add_up_to_the_cores_time(ours):
    from ratios import phases

    found = phases(ours)
    shares = ("cells", "calls_and_tests", "rest", "between", "after", "start_up")
    total = sum(found[f"per_submission_{share}_s"] for share in shares)
    assert total == pytest.approx(8.0 * 2 / 4)
    assert found["start_up_s"] + found["grading_s"] + found["after_grading_s"] == 8.0
    assert (found["start_up_s"], found["after_grading_s"]) == (3.0, 1.0)


def test_processor_time_is_split_and_nothing_of_it_is_lost(ours):
    from ratios import phases
    from running import PARTS

    found = phases(ours)
    assert sum(found[f"{part}_cpu_s"] for part in PARTS) == pytest.approx(12.0)
    assert found["coordinator_cpu_s"] == 2.5
    # What no sample saw is the boxes'.
    assert found["boxes_cpu_s"] == 9.5
    assert found["start_up_cpu_s"] == 2.5


def test_ratio_to_the_floor_is_of_clock_and_cores_without_start_up(ours, floor):
    from ratios import ladder, ratios

    alone = replace(ours, run=replace(ours.run, seconds=7.0))
    found = ratios(floor, ours, alone, alone)
    assert found["ratio_to_floor"] == 2.5  # (4 + 1) s on 2 cores over 4 s on one.
    assert found["without_gradebook"] == 2.0
    assert found["with_start_up_on_both_sides"] == 2.0  # 8 s over 2 s and 4 s on 2 cores.
    assert found["with_start_up_on_ours_alone"] == 4.0
    assert found["cpu"] == pytest.approx((12.0 - 2.5) / 4 / 0.9, abs=0.01)
    steps = ladder(floor, floor, ours, alone, alone)
    assert [one["over_floor"] for one in steps] == [1.0, 1.0, 2.0, 2.0, 2.5, 4.0]


def test_scale_finds_growth_and_slowing_down():
    from running import PARTS, Run, Sample
    from scale import ScaleRun, memory_figures, time_figures

    count = 100
    ended = [10.0 + number for number in range(count)]
    samples = [
        Sample(end + 0.5, dict.fromkeys(PARTS, 0.0), dict.fromkeys(PARTS, 200 + n / 10), 50.0)
        for n, end in enumerate(ended)
    ]
    seconds = [1.0 + number / 1000 for number in range(count)]
    scale = ScaleRun(Run(0.0, 120.0, 100.0, 0, samples=samples), 1, ended, seconds, ended)
    memory, time = memory_figures(scale), time_figures(scale)
    assert memory["coordinator"]["rss_mb_per_1000_submissions"] == pytest.approx(100.0)
    assert memory["coordinator"]["pss_mb_per_1000_submissions"] == 0.0
    assert time["ms_per_1000_submissions"] == pytest.approx(1000.0)
    assert time["last_over_first"] == pytest.approx(1.087 / 1.012, abs=0.001)


def test_cases_of_a_test_count_together_and_no_outcome_passes():
    from in_kernel import run_cases

    class Case:
        seed = 1

        def __init__(self, test, body):
            self.test, self.body = test, body

        def run(self, answer):
            self.body(answer)

    def fails(answer):
        pytest.fail("pytest's own outcome is no Exception")

    def passes(answer):
        assert answer(callback(abs)) is abs

    cases = [Case("one", passes), Case("one", fails), Case("two", fails), Case("two", passes)]
    cases.append(Case("three", passes))
    expected = {"one": False, "two": False, "three": True}
    assert run_cases(cases, lambda value: value) == expected
    assert not any(run_cases(cases, None).values())


def test_a_difference_is_excused_by_an_earlier_mistake_alone():
    from two_courses import Scores, compare_scores

    exercises = [
        {"name": name, "points": 4, "score": score, "stand_ins": stand_ins, "tests": []}
        for name, score, stand_ins in (("a", 2.0, []), ("b", 4.0, ["a"]), ("c", 4.0, []))
    ]
    theirs = Scores({"a": 2.0, "b": 1.0, "c": 3.0}, {"a": [], "b": ["t"], "c": ["u"]})
    found = compare_scores(
        "otter", theirs, {"student": "jo", "exercises": exercises}, "many mistakes"
    )
    assert [(one["exercise"], one["reason"]) for one in found] == [
        ("b", "not punished twice: a"),
        ("c", ""),
    ]


def test_otter_gets_every_hidden_test_and_the_cells_that_others_run(toy_copy, handed_in, tmp_path):
    from otter_class import write_otter_assignment

    handed_in("jo")
    write_otter_assignment(toy_copy, ["jo"], tmp_path / "otter")
    with zipfile.ZipFile(tmp_path / "otter" / "autograder.zip") as archive:
        names = archive.namelist()
        text = archive.read("tests/square.py").decode()
    assert "files/numbers.txt" in names
    assert {name for name in names if name.startswith("tests/")} >= {"tests/square.py"}
    assert "points = 2" in text
    tests = hidden_test_sentences(toy_copy)["square"]
    assert all(f"@test_case(name={test!r}" in text for test in tests)
    written = nbformat.read(tmp_path / "otter" / "notebooks" / "jo.ipynb", 4)
    for cell in written.cells:
        is_left_out = "otter_ignore" in cell.metadata.get("tags", [])
        grades = cell.metadata.get("nbgrader", {}).get("grade", False)
        assert is_left_out == (grades or "demo" in cell.metadata.get("tags", []))


def test_otter_missing_is_one_clear_line(tmp_path):
    import click
    from otter_class import otter_version

    with pytest.raises(click.ClickException, match="make bench"):
        otter_version(tmp_path / "python")
    with pytest.raises(click.ClickException, match="environment is broken"):
        otter_version(Path(sys.executable))
