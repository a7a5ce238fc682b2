"""Item analysis against numbers worked out by hand and against independent formulas."""

import numpy as np
import pytest
from scipy import stats

from autograder.reports.item_analysis import (
    MIN_STUDENTS,
    Statistic,
    cronbach_alpha,
    difficulty,
    discrimination,
    rest_scores,
)

NAN = float("nan")


@pytest.fixture
def shares():
    """Fifty students' shares of six items that hang together."""
    rng = np.random.default_rng(5)
    ability = rng.normal(size=(50, 1))
    return (ability + rng.normal(size=(50, 6)) > 0).astype(float)


def test_difficulty_is_the_mean_of_what_is_known():
    assert difficulty(np.array([1.0, 0.5, 0.0, NAN])) == Statistic(0.5)
    assert difficulty(np.array([NAN])) == Statistic(None, "no student")
    assert difficulty(np.array([])) == Statistic(None, "no student")


def test_discrimination_is_the_point_biserial_correlation_with_the_rest(shares):
    points = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    for item in range(6):
        others = [other for other in range(6) if other != item]
        rest = (shares[:, others] * points[others]).sum(axis=1)
        expected = stats.pointbiserialr(shares[:, item], rest).statistic
        found = discrimination(shares[:, item], rest_scores(shares, points, item))
        assert found.value == pytest.approx(expected, abs=1e-12)


def test_discrimination_by_hand():
    item = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    rest = np.array([0.9, 0.7, 0.9, 0.7, 0.8, 0.2, 0.4, 0.2, 0.4, 0.3])
    # Means 0.8 and 0.3; the deviation of the rest is √(0.25² + 0.008) = √0.0705.
    expected = 0.5 / np.sqrt(0.0705) * 0.5
    assert discrimination(item, rest).value == pytest.approx(expected, abs=1e-12)
    assert discrimination(1 - item, rest).value == pytest.approx(-expected, abs=1e-12)


def test_a_student_whose_item_is_unknown_is_left_out_of_it(shares):
    points = np.ones(6)
    with_gaps = shares.copy()
    with_gaps[:7, 2] = NAN
    rest = rest_scores(with_gaps, points, 2)
    expected = discrimination(shares[7:, 2], rest_scores(shares[7:], points, 2))
    assert discrimination(with_gaps[:, 2], rest).value == pytest.approx(expected.value, abs=1e-12)


def test_the_rest_is_the_share_of_the_points_that_are_known():
    shares = np.array([[1.0, 0.5, 0.0], [1.0, NAN, 0.5], [NAN, 0.0, NAN]])
    points = np.array([2.0, 4.0, 6.0])
    np.testing.assert_allclose(rest_scores(shares, points, 0), [2 / 10, 3 / 6, 0.0])
    np.testing.assert_allclose(rest_scores(shares, points, None), [4 / 12, 5 / 8, 0.0])
    assert np.isnan(rest_scores(shares, points, 1)[2])


def test_alpha_by_the_mean_covariance(shares):
    scores = shares * [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    covariance = np.cov(scores, rowvar=False)
    between = (covariance.sum() - np.trace(covariance)) / 30
    expected = 36 * between / covariance.sum()
    assert cronbach_alpha(scores).value == pytest.approx(expected, abs=1e-12)


def test_alpha_of_items_that_say_the_same_is_one_and_of_noise_near_nothing(shares):
    same = np.repeat(shares[:, :1], 4, axis=1)
    assert cronbach_alpha(same).value == pytest.approx(1.0, abs=1e-12)
    noise = np.random.default_rng(5).random((4000, 5))
    assert abs(cronbach_alpha(noise).value) < 0.1


def test_alpha_leaves_out_students_of_whom_not_all_is_known(shares):
    with_gaps = shares.copy()
    with_gaps[3, 1] = NAN
    expected = cronbach_alpha(np.delete(shares, 3, axis=0)).value
    assert cronbach_alpha(with_gaps).value == pytest.approx(expected, abs=1e-12)


def test_what_cannot_be_computed_has_a_reason(shares):
    few = shares[: MIN_STUDENTS - 1]
    rest = rest_scores(shares, np.ones(6), 0)
    assert discrimination(few[:, 0], rest[: len(few)]).why_not == "under 10 students"
    assert discrimination(np.ones(50), rest).why_not == "all have the same score"
    assert discrimination(shares[:, 0], np.ones(50)).why_not == "all have the same rest"
    assert cronbach_alpha(few).why_not == "under 10 students"
    assert cronbach_alpha(shares[:, :1]).why_not == "under 2 exercises"
    assert cronbach_alpha(shares[:, :0]).why_not == "under 2 exercises"
    assert cronbach_alpha(np.ones((50, 3))).why_not == "all have the same total"
