"""What a box imports beforehand, where only some assignments need it."""

from pathlib import Path

import pytest

from autograder.course.facts import slow_imports
from autograder.course.files import find_course

ROOT = Path(__file__).parents[3]
NEEDED = {
    "a01_pca": (),
    "a02_ppca": ("scipy.stats",),
    "a03_vae": (),
    "a08_gan": ("torch.optim",),
    "a09_wgan": ("scipy.optimize",),
}


@pytest.mark.parametrize("name", NEEDED)
def test_an_assignments_slow_imports_are_seen(name):
    assert slow_imports(find_course(ROOT).assignment(name)) == NEEDED[name]
