"""What `pytest` alone runs: the engine's fast tests, and the hidden tests on the references.

Whoever names files, folders or marks gets what they name.
"""

# First: it looks among what may be garbage, which a test of ours may have frozen by then.
import hypothesis  # noqa: F401
import pytest

FAST = "not box and not slow and not browser"


def pytest_configure(config):
    """Choose the fast tests where nothing else was chosen; workers hear of it as an option."""
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.markexpr:
        config.option.markexpr = FAST
