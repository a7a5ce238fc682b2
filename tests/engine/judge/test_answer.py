"""`answer` across the wall, with a function of ours on the other side: as if it were local."""

import random
import typing

import numpy as np
import pytest
import torch

from autograder.judge.answer import Answer, ReferenceFailed
from autograder.sandbox.host.conversation import Conversation
from autograder.sandbox.host.failures import (
    AnswerMissing,
    AnswerTimedOut,
    ContractViolation,
    NotImplementedRaised,
    StudentRaised,
)
from autograder.sandbox.host.local_channel import local_channel
from autograder.sandbox.limits import Limits
from autograder.sandbox.wire.arguments_in import SecretArgument
from autograder.testing import assert_close, assert_pure, callback

DTYPE = torch.float64


@pytest.fixture
def across():
    """Return a function that puts a student's function (and its reference) across the wall."""
    channels = []

    def make(function, reference=None, **limits):
        channel = local_channel(function, Limits(**limits))
        channels.append(channel)
        return Answer("f", Conversation(channel), reference or function, seed=5)

    yield make
    for channel in channels:
        channel.sock.close()


def tensor(*values, grad=False):
    return torch.tensor(values, dtype=DTYPE, requires_grad=grad)


def test_values_and_keywords_cross(across):
    answer = across(lambda x, *, scale=1.0: {"a": x * scale, "b": (1.5, "text", None, True)})
    result = answer(np.array([1.0, 2.0]), scale=3.0)
    assert result["a"].tolist() == [3, 6]
    assert result["b"] == (1.5, "text", None, True)


def test_gradients_are_those_of_the_function(across):
    x, w = tensor(1.0, 2.0, grad=True), tensor(3.0, -1.0, grad=True)
    (across(lambda x, w: w * x**3)(x, w) * 2).sum().backward()
    assert_close(x.grad, 6 * w.detach() * x.detach() ** 2)
    assert_close(w.grad, 2 * x.detach() ** 3)


def test_the_graph_goes_on_before_and_behind_the_wall(across):
    x = tensor(0.5, 1.0, grad=True)
    answer = across(torch.sin)
    (answer(x**2) ** 2).sum().backward()
    xs = x.detach()
    assert_close(x.grad, 4 * xs * torch.sin(xs**2) * torch.cos(xs**2))


def test_two_calls_in_one_expression_both_count(across):
    x = tensor(2.0, grad=True)
    answer = across(lambda x: x**2)
    (answer(x) * answer(3 * x)).sum().backward()
    assert x.grad.item() == pytest.approx(4 * 9 * 2.0**3)


def test_one_result_may_be_differentiated_more_than_once(across):
    x = tensor(1.0, 2.0, grad=True)
    y = across(lambda x: x**3)(x)
    for index, expected in enumerate(([3.0, 0.0], [0.0, 12.0])):
        (gradient,) = torch.autograd.grad(y[index], x, retain_graph=True)
        assert gradient.tolist() == expected


def test_each_of_several_results_has_its_gradient(across):
    x = tensor(2.0, grad=True)
    first, (second, plain) = across(lambda x: (x**2, [x**3, 7.0]))(x)
    (first + 10 * second).sum().backward()
    assert x.grad.item() == 2 * 2 + 10 * 12
    assert plain == 7.0


def test_an_input_that_is_not_used_has_gradient_zero(across):
    x, w = tensor(1.0, grad=True), tensor(1.0, grad=True)
    across(lambda x, w: x * 2)(x, w).sum().backward()
    assert x.grad.item() == 2
    assert w.grad.item() == 0


def test_a_modules_parameters_get_gradients(across):
    module = torch.nn.Linear(2, 1, dtype=DTYPE)
    across(lambda m, x: m(x).sum())(module, tensor(3.0, 4.0)).backward()
    assert module.weight.grad.tolist() == [[3, 4]]
    assert module.bias.grad.tolist() == [1]


def test_nothing_is_differentiated_under_no_grad(across):
    with torch.no_grad():
        assert not across(lambda x: x * 2)(tensor(1.0, grad=True)).requires_grad


def test_a_mutated_array_is_brought_back_in_place(across):
    def double(x):
        x *= 2
        return x.sum()

    x = np.array([1.0, 2.0])
    same = x
    assert across(double)(x) == 6
    assert same.tolist() == [2, 4]


def test_a_mutated_view_is_brought_back_into_its_base(across):
    def zero(x):
        x[:] = 0
        return 0.0

    base = np.arange(6.0).reshape(2, 3)
    across(zero)(base[:, 1])
    assert base.tolist() == [[0, 0, 2], [3, 0, 5]]


def test_a_mutated_tensor_is_brought_back(across):
    x = tensor(1.0, 2.0)
    across(lambda x: x.add_(1).sum())(x)
    assert x.tolist() == [2, 3]


def test_a_result_changed_in_place_is_brought_back(across):
    x = tensor(1.0, 2.0, grad=True) * 1
    with torch.no_grad():
        across(lambda x: x.detach().mul_(5).sum())(x)
    assert x.tolist() == [5, 10]


def test_accumulated_gradients_are_brought_back(across):
    def backward(x):
        loss = (x**2).sum()
        loss.backward()
        return loss.item()

    x = tensor(1.0, 2.0, grad=True)
    answer = across(backward)
    answer(x)
    assert x.grad.tolist() == [2, 4]
    answer(x)
    assert x.grad.tolist() == [4, 8]


def test_a_gradient_that_was_cleared_is_cleared(across):
    x = tensor(1.0, grad=True)
    x.grad = tensor(3.0)
    across(lambda x: setattr(x, "grad", None) or 0.0)(x)
    assert x.grad is None


@pytest.mark.parametrize("wanted", [True, False])
def test_a_changed_requires_grad_is_brought_back(across, wanted):
    x = tensor(1.0, grad=not wanted)
    across(lambda x: x.requires_grad_(wanted) is None)(x)
    assert x.requires_grad is wanted


def test_an_answer_that_makes_its_input_require_grad_keeps_the_other_gradients(across):
    def score(x, w):
        x.requires_grad_(True)
        return torch.autograd.grad((w * x**2).sum(), x, create_graph=True)[0]

    x, w = tensor(3.0), tensor(2.0, grad=True)
    across(score)(x, w).sum().backward()
    assert w.grad.item() == 6


def sgd_step(module, optimizer, x):
    optimizer.zero_grad()
    loss = (module(x) ** 2).mean()
    loss.backward()
    optimizer.step()
    return loss.item()


def twin_modules():
    torch.manual_seed(0)
    one = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    other = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    other.load_state_dict(one.state_dict())
    return one, other


def test_sgd_steps_through_the_wall_are_exact(across):
    module, twin = twin_modules()
    answer, x = across(sgd_step), torch.ones(5, 3)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    twins_optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
    for _ in range(3):
        assert answer(module, optimizer, x) == sgd_step(twin, twins_optimizer, x)
    for one, other in zip(module.parameters(), twin.parameters(), strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one.grad, other.grad)
        assert one.is_leaf
        assert one.requires_grad


def test_the_reference_never_touches_the_tests_own_arguments(across):
    def spoil(x):
        x[:] = 99
        return 0.0

    x = np.array([1.0])
    across(lambda x: 0.0, reference=spoil)(x)
    assert x.tolist() == [1]


def test_a_spy_records_its_calls_in_the_judge(across):
    calls = []

    def spy(x, flag=False):
        calls.append((x.copy(), flag))
        return x + 1

    answer = across(lambda f, x: f(f(x), flag=True))
    assert answer(callback(spy), np.array([1.0])).tolist() == [3]
    assert [(x.tolist(), flag) for x, flag in calls] == [([1.0], False), ([2.0], True)]


def test_first_derivatives_pass_through_a_spy(across):
    def grad_of(f, x):
        x = x.clone().requires_grad_(True)
        return torch.autograd.grad(f(x).sum(), x)[0]

    x = tensor(0.3, 1.2)
    assert_close(across(grad_of)(callback(torch.sin), x), torch.cos(x))


def test_a_spy_in_the_middle_of_the_graph_lets_gradients_through(across):
    x = tensor(0.5, 2.0, grad=True)
    answer = across(lambda f, x: f(x**2) * x, reference=lambda f, x: x)
    answer(callback(torch.sin), x).sum().backward()
    xs = x.detach()
    assert_close(x.grad, torch.sin(xs**2) + 2 * xs**2 * torch.cos(xs**2))


def test_a_network_by_copy_may_be_differentiated_twice(across):
    def laplacian(f, x):
        x = x.clone().requires_grad_(True)
        first = torch.autograd.grad(f(x).sum(), x, create_graph=True)[0]
        return torch.autograd.grad(first.sum(), x)[0]

    x = tensor(1.0, 2.0)
    assert_close(across(laplacian)(lambda x: x**3, x), 6 * x)


def test_what_a_spy_raises_is_raised_at_the_students_call(across):
    def spy(x):
        raise ValueError("negative")

    def careful(f, x):
        try:
            return f(x)
        except RuntimeError as error:
            return str(error)

    assert across(careful)(callback(spy), 1.0) == "ValueError: negative"


def test_a_torch_generator_is_advanced_as_if_it_were_local(across):
    ours, twin = (torch.Generator().manual_seed(7) for _ in range(2))
    answer = across(lambda g: torch.rand(3, generator=g))
    for _ in range(2):
        assert torch.equal(answer(ours), torch.rand(3, generator=twin))
    assert torch.equal(ours.get_state(), twin.get_state())


@pytest.mark.parametrize("kind", ["PCG64", "MT19937", "Philox", "SFC64"])
def test_a_numpy_generator_is_advanced_as_if_it_were_local(across, kind):
    ours, twin = (np.random.Generator(getattr(np.random, kind)(7)) for _ in range(2))
    answer = across(lambda g: g.normal(size=3))
    for _ in range(2):
        assert (answer(ours) == twin.normal(size=3)).all()
    assert ours.integers(100) == twin.integers(100)


def test_global_noise_is_repeatable_but_differs_between_calls(across):
    def noise(x):
        return np.array([random.random(), np.random.rand(), torch.rand(1).item()])

    first, second = (across(noise) for _ in range(2))
    one, other = first(1.0), first(1.0)
    assert (one != other).all()
    assert (second(1.0) == one).all()


def test_a_tests_own_draws_do_not_depend_on_what_the_reference_has_been_asked(across):
    answer = across(lambda x: torch.rand(1).item() + np.random.rand())
    drawn = []
    for _ in range(2):
        answer._calls = 0
        torch.manual_seed(1)
        np.random.seed(1)
        random.seed(1)
        answer(1.0)
        drawn.append((torch.rand(1).item(), np.random.rand(), random.random()))
    assert len(answer.expectations) == 1
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    assert drawn == [(torch.rand(1).item(), np.random.rand(), random.random())] * 2


def test_a_pure_answer_is_pure(across):
    assert assert_pure(across(lambda x: x * 2), np.array([1.0])).tolist() == [2]


def test_an_answer_that_changes_its_argument_is_not_pure(across):
    with pytest.raises(AssertionError, match="an argument was changed"):
        assert_pure(across(lambda x: x.__imul__(2)), np.array([1.0]))


def test_an_answer_that_counts_its_calls_is_not_pure(across):
    calls = []
    with pytest.raises(AssertionError):
        assert_pure(across(lambda x: calls.append(1) or x * len(calls), np.copy), np.array([1.0]))


def _with_a_random_start(x):
    U, s, V = torch.pca_lowrank(torch.as_tensor(x), q=3, center=False)
    return ((U * s) @ V.T).numpy()


def _in_another_order(x):
    return np.sum(np.random.permutation(x).astype(np.float32))


@pytest.mark.parametrize("function", [_with_a_random_start, _in_another_order])
def test_two_calls_may_differ_by_rounding(across, function):
    columns = np.random.default_rng(5).normal(size=(3, 400))
    x = columns[0] if function is _in_another_order else columns.T @ columns[:, :30]
    answer = across(function)
    assert np.any(answer(x) != answer(x))
    assert_pure(answer, x)


@pytest.mark.parametrize("grown", [1.0, 1e-2, 1e-3])
def test_what_grows_from_call_to_call_is_not_pure(across, grown):
    calls = []
    with pytest.raises(AssertionError):
        assert_pure(across(lambda x: x + grown * (calls.append(1) or len(calls)), np.copy), 1.0)


def test_an_answer_with_noise_of_its_own_is_not_pure(across):
    with pytest.raises(AssertionError):
        assert_pure(across(lambda x: x + np.random.rand()), np.array([1.0]))


def test_an_answer_that_raises_says_what(across):
    with pytest.raises(StudentRaised, match="It raised ZeroDivisionError: division by zero"):
        across(lambda x: 1 / 0, reference=abs)(1.0)


def test_the_next_call_works_after_one_that_raised(across):
    answer = across(lambda x: 1 / x, reference=float)
    with pytest.raises(StudentRaised):
        answer(0)
    assert answer(2) == 0.5


def test_a_stub_is_missing(across):
    def stub(x):
        raise NotImplementedError

    with pytest.raises(NotImplementedRaised, match="Not solved yet"):
        across(stub, reference=abs)(1.0)


def test_no_function_is_missing(across):
    with pytest.raises(AnswerMissing, match="no function of this name"):
        across(None, reference=abs)(1.0)


def test_a_slow_call_is_ended_and_every_later_one_refused_at_once(across):
    import threading

    answer = across(lambda x: threading.Event().wait(0.5), abs, call_wall_s=0.05)
    for _ in range(2):
        with pytest.raises(AnswerTimedOut, match=r"A call took longer than 0\.05 s"):
            answer(1.0)


def test_what_cannot_cross_is_named_where_the_reference_is_not_asked(across):
    with pytest.raises(ContractViolation, match="`f` returned a generator"):
        across(lambda f: (x for x in ()))(callback(abs))


def test_a_reference_that_fails_is_not_the_students_fault(across):
    with pytest.raises(ReferenceFailed, match="f: ZeroDivisionError"):
        across(abs, reference=lambda x: 1 / 0)(1.0)


def test_a_reference_may_not_be_an_argument(across):
    def square(x):
        return x * x

    square.__module__ = "solutions.toy"
    with pytest.raises(SecretArgument, match=r"wrap it in autograder\.testing\.callback"):
        across(lambda f: 1.0)(square)


def test_a_reference_wrapped_as_a_callback_may(across):
    def square(x):
        return x * x

    square.__module__ = "solutions.toy"
    assert across(lambda f: f(3.0))(callback(square)) == 9


def test_no_gradient_flows_through_a_detached_result(across):
    with pytest.raises(ContractViolation, match="cannot be differentiated"):
        across(lambda x: x.detach() * 2, lambda x: x * 2)(tensor(1.0, grad=True))


def test_a_change_that_the_reference_does_not_make_stays_in_the_box(across):
    def zeroing(x):
        x.data.zero_()
        return (0 * x).sum()

    answer = across(zeroing, lambda x: x.sum())
    x = tensor(1.0, 2.0, grad=True)
    answer(x).backward()
    assert x.detach().tolist() == [1.0, 2.0]  # What a test computes from x later is not zeroed.
    assert answer.changed_arguments


DRAWS = {
    "torch's own": (lambda g: torch.rand(2, generator=g), False),
    "a seed of it": (
        lambda g: torch.rand(2, generator=torch.Generator().manual_seed(g.initial_seed())),
        False,
    ),
    "torch's global one": (lambda g: torch.rand(2), True),
    "torch's global one, seeded": (lambda g: torch.manual_seed(1) and torch.rand(2), True),
    "numpy's global one": (lambda g: torch.as_tensor(np.random.rand(2)), True),
    "Python's": (lambda g: torch.tensor([random.random(), 1.0]), True),
}


@pytest.mark.parametrize("name", DRAWS)
def test_global_draws_are_noted_where_a_generator_is_given(across, name):
    draw, moves = DRAWS[name]
    answer = across(draw, DRAWS["torch's own"][0])
    answer(torch.Generator().manual_seed(3))
    assert answer.moved_globals is moves


def test_global_draws_are_nobody_s_business_where_no_generator_is_given(across):
    answer = across(lambda x: x * np.random.rand())
    answer(tensor(1.0))
    assert not answer.moved_globals


class Moments(typing.NamedTuple):
    """What a reference may return, or a test may send."""

    mean: torch.Tensor
    count: int


def test_named_tuples_go_in_and_come_out_as_what_they_are(across):
    def reference(moments):
        return Moments(2 * moments.mean, moments.count + 1)

    result = across(lambda moments: (2 * moments[0], 3), reference)(Moments(tensor(1.0), 2))
    assert type(result) is Moments
    assert (result.mean.item(), result.count) == (2.0, 3)


def test_gradients_flow_through_a_named_tuple(across):
    x = tensor(3.0, grad=True)
    result = across(lambda x: Moments(x**2, 1))(x)
    result.mean.sum().backward()
    assert x.grad.item() == 6.0


def test_a_named_tuple_passes_a_test_of_purity(across):
    assert assert_pure(across(lambda pair: pair.mean * 2.0), Moments(tensor(1.0), 2)).item() == 2.0


def test_a_spy_may_be_given_and_return_named_tuples(across):
    spy = callback(lambda pair: Moments(pair[0] * 2, 1))
    result = across(lambda spy, x: spy(Moments(x, 1))[0].sum())(spy, tensor(1.0, 2.0))
    assert float(result) == 6.0
