"""What makes a result: the engine's core and its libraries, and nothing that only reads results."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autograder
from autograder.results import versions as versions_module
from autograder.results.versions import (
    code_hash,
    core_files,
    engine_hash,
    entering_hash,
    files_of,
    versions,
)

ENGINE = Path(autograder.__file__).parent
OUTSIDE = [
    *("exports/canvas.py", "reports/writing.py", "similarity/tokens.py", "cluster/pool.py"),
    *("cli/grade.py", "cli/class_table.py", "submissions/intake/archives.py", "__main__.py"),
    *("gradebook/scores.py", "grading/calibration.py", "grading/pool.py", "atomic_files.py"),
    *("nbgrader_plugin/saving.py", "pytest_plugin/sources.py", "feedback/exercise.py"),
    *("course/checking.py", "course/skeletons.py", "course/demo_class.py", "course/notebooks.py"),
]
INSIDE = [
    *("judge/contract.py", "judge/hidden_tests.py", "sandbox/inside/shell.py", "testing.py"),
    *("sandbox/wire/results_out.py", "sandbox/host/session.py", "sandbox/limits.py"),
    *("grading/exercises.py", "grading/submission.py", "submissions/rebuilding.py"),
    *("results/document.py", "safe_text.py", "course/parts.py", "course/loading.py"),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """A copy of the engine, to edit for a moment."""
    root = tmp_path_factory.mktemp("engine") / "autograder"
    shutil.copytree(ENGINE, root, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def edited_hash(engine, name):
    """Return the hash of the core after a file was edited."""
    path = engine / name
    before = path.read_bytes()
    path.write_bytes(before + b"\n# Edited.\n")
    try:
        return code_hash(core_files(engine), engine)
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("name", OUTSIDE)
def test_editing_what_only_reads_results_outdates_nothing(engine, name):
    assert edited_hash(engine, name) == code_hash(core_files())


@pytest.mark.parametrize("name", INSIDE)
def test_editing_what_makes_results_outdates_them(engine, name):
    assert edited_hash(engine, name) != code_hash(core_files())


@pytest.fixture
def forgetting():
    """Forget the hashes of this machine, before and after."""
    for function in (versions, engine_hash, entering_hash):
        function.cache_clear()
    yield
    for function in (versions, engine_hash, entering_hash):
        function.cache_clear()


@pytest.mark.parametrize("package", ["torch", "numpy", "scipy", "matplotlib"])
def test_another_version_of_a_library_outdates_results(monkeypatch, forgetting, package):
    before = engine_hash()
    versions.cache_clear()
    engine_hash.cache_clear()
    real = versions_module.version
    monkeypatch.setattr(
        versions_module, "version", lambda name: "0.0" if name == package else real(name)
    )
    assert engine_hash() != before


def test_another_python_outdates_results(monkeypatch, forgetting):
    before = engine_hash()
    versions.cache_clear()
    engine_hash.cache_clear()
    monkeypatch.setattr(versions_module.platform, "python_version", lambda: "3.99.0")
    assert engine_hash() != before


def test_everything_named_is_there():
    for names in (versions_module.CORE, versions_module.ENTERING):
        for name in names:
            assert files_of([name]), name


def test_what_enters_results_is_hashed_with_its_templates():
    entering = {path.relative_to(ENGINE).as_posix() for path in files_of(versions_module.ENTERING)}
    assert {"gradebook/ingest.py", "nbgrader_plugin/saving.py"} <= entering
    assert "feedback/templates/exercise.html.j2" in entering


LOADED = """
import sys
import autograder.grading.submission
for name, module in sys.modules.items():
    if name.startswith("autograder.") and getattr(module, "__file__", None):
        print(module.__file__)
"""
# Where files lie, and how an exception is named: no result says anything of these.
WITHOUT_A_PART = {"__init__.py", "atomic_files.py"}


def test_all_that_grading_a_submission_loads_is_in_the_core():
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    core = {path.relative_to(ENGINE).as_posix() for path in core_files()}
    loaded = {Path(line).relative_to(ENGINE).as_posix() for line in done.stdout.split()}
    missing = {name for name in loaded - core if Path(name).name not in WITHOUT_A_PART}
    assert missing <= {"course/configuration.py", "results/versions.py"}
