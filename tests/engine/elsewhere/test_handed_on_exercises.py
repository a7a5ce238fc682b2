"""A later answer through an earlier one, with a function of its own: no mistake costs twice.

The earlier exercise is unsolved, or wrong; ours stands in, and calls what the student hands it.
"""

from pathlib import Path

import pytest

from autograder.course.files import find_course
from autograder.course.functions import read_functions
from autograder.grading.submission import Grader
from shared.some_exercises import graded

ROOT = Path(__file__).parents[3]
UNSOLVED = "def {}(*args, **kwargs):\n    raise NotImplementedError"
WRONG = "def {}(*args, **kwargs):\n    return 0"

PAIRS = {
    "a03_vae": {
        ("reparameterize", "sample_z"): """
def sample_z(mu, logvar, generator):
    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    return reparameterize(mu, logvar, noise)
""",
    },
    "a05_scores": {
        ("euler_maruyama", "annealed_langevin"): """
def annealed_langevin(score, x, sigmas, eps0, n, zs):
    for sigma, noise in zip(sigmas, zs):
        alpha = eps0 * (sigma / sigmas[-1]) ** 2
        times = torch.arange(n + 1, dtype=x.dtype) * alpha
        drift = lambda x, t, s=sigma: 0.5 * score(x, s)
        x = euler_maruyama(drift, lambda x, t: torch.ones(()), x, times, noise[:n])[-1]
    return x
""",
        ("gaussian_score", "gmm_score"): """
def gmm_score(x, pi, mu, s2):
    toward = mu - x[:, None, :]
    log_joint = torch.log(pi) - 0.5 * (
        x.shape[1] * torch.log(s2) + (toward**2).sum(dim=2) / s2)
    eye = torch.eye(x.shape[1], dtype=x.dtype)
    scores = torch.stack([gaussian_score(x, m, s * eye) for m, s in zip(mu, s2)], dim=1)
    return (torch.softmax(log_joint, dim=1)[:, :, None] * scores).sum(dim=1)
""",
    },
    "a06_flows": {
        ("logdet_jacobian", "affine_flow_logprob"): """
def affine_flow_logprob(x, A, b):
    z = torch.linalg.solve(A, (x - b).T).T
    log_base = -0.5 * (z**2 + math.log(2 * math.pi)).sum(dim=1)
    return log_base - logdet_jacobian(lambda z: z @ A.T + b, z)
""",
        ("logdet_jacobian", "planar_flow"): """
class Planar(torch.nn.Module):
    def __init__(self, u, w, b):
        super().__init__()
        self.u, self.w, self.b = u, w, b

    def forward(self, z):
        return z + torch.tanh(z @ self.w + self.b)[:, None] * self.u

def planar_flow(z, u, w, b):
    layer = Planar(u, w, b)
    return layer(z), logdet_jacobian(layer, z)
""",
        ("coupling_forward", "coupling_inverse"): """
def coupling_inverse(x, mask, net):
    def inverted(values):
        s, t = net(values)
        return -s, -t * torch.exp(-s)
    return coupling_forward(x, mask, inverted)
""",
        ("compose", "flow_log_prob"): """
def flow_log_prob(x, inverses, base):
    z, total = compose([lambda y, f=f: f(y) for f in inverses], x)
    return base(z) + total
""",
    },
    "a10_ebm": {
        ("energy_score", "langevin_sample"): """
def langevin_sample(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, energy_score(lambda y: E(y), x), step, noise)
    return x
""",
        ("energy_score", "mala_log_accept"): """
def mala_log_accept(x, y, E, h):
    energy = lambda points: E(points) * 1.0
    there = y - x - h * energy_score(energy, x)
    back = x - y - h * energy_score(energy, y)
    return E(x) - E(y) + (there.square() - back.square()).sum(dim=1) / (4 * h)
""",
    },
}
HANDED_ON = """
def coupling_inverse(x, mask, net):
    return coupling_forward(x, mask, lambda values: net(values))
"""


@pytest.mark.box
@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_a_later_answer_through_an_earlier_one_has_full_marks(name):
    assignment = find_course(ROOT).assignment(name)
    right = read_functions(assignment)
    with Grader.of(assignment) as grader:
        for (early, late), source in PAIRS[name].items():
            for mistake in (UNSOLVED, WRONG):
                answers = {**right, early: mistake.format(early), late: source}
                _, result = graded(grader, answers, [early, late])
                told = [(one.name, one.message, one.detail) for one in result.tests]
                assert result.score == result.points, (late, told)
                assert result.stand_ins == [early]
                assert not result.look


@pytest.mark.box
@pytest.mark.slow
def test_a_wrapped_function_is_handed_on_all_the_same():
    assignment = find_course(ROOT).assignment("a06_flows")
    answers = {
        **read_functions(assignment),
        "coupling_forward": UNSOLVED.format("coupling_forward"),
        "coupling_inverse": HANDED_ON,
    }
    with Grader.of(assignment) as grader:
        _, late = graded(grader, answers, ["coupling_forward", "coupling_inverse"])
    assert late.score == 0
    assert "It only hands its arguments on" in " ".join(one.message for one in late.tests)
