"""Import and touch everything slow once, before any submission is forked."""

from __future__ import annotations

import gc
from typing import Any

from autograder.sandbox.gc_policy import put_off_collecting, share_memory
from autograder.sandbox.inside.figures import draw_figures_once
from autograder.sandbox.inside.shell import BoxShell, make_shell
from autograder.sandbox.warming import warm_autograd, warm_imports

_FIGURE = """
import matplotlib.pyplot as plt
_figure, _axes = plt.subplots(1, 2, figsize=(4, 2), layout="constrained")
_axes[0].plot([0, 1], label="$x^2$"); _axes[0].legend(); _axes[0].set_title("a")
_axes[1].imshow([[0, 1], [1, 0]]); _axes[1].scatter([0], [1])
plt.show()
"""


def warm_up(slow_imports: list[str]) -> BoxShell:
    """Return a shell in a process where a submission's first steps cost nothing more."""
    put_off_collecting()
    import numpy as np
    import torch

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    torch.compile = _as_it_is
    shell = make_shell()
    shell.enable_matplotlib("inline")
    warm_autograd()
    warm_imports(slow_imports)
    np.random.default_rng(0).normal(size=3)
    # What comes now is thrown away again: only in that is there anything to collect.
    share_memory()
    draw_figures_once(shell)
    shell.run_one(_FIGURE, 1 << 20)
    shell.run_one("1 / 0", 1 << 20)
    shell.run_one("%time 1", 1 << 20)
    shell.reset(new_session=True)
    close_fonts()
    gc.collect()
    share_memory()
    return shell


def _as_it_is(model: Any = None, **_: Any) -> Any:
    """Stand for torch.compile, which here has no compiler: its result computes the same."""
    return (lambda given: given) if model is None else model


def close_fonts() -> None:
    """Close the font files: forks would share, and move, their positions."""
    from matplotlib import font_manager
    from matplotlib.mathtext import MathTextParser

    MathTextParser._parse_cached.cache_clear()  # type: ignore[attr-defined]
    font_manager._get_font.cache_clear()  # type: ignore[attr-defined]
