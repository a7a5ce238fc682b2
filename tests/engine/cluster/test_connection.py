"""Schedulers that are not there, not ours to reach, or gone; workers that are not like us."""

import sys
import time

import pytest

from autograder.cluster.connection import connected
from autograder.cluster.pool import ClusterPool
from autograder.errors import AutograderError
from autograder.grading.loaded import LoadedAssignment
from autograder.results.versions import difference, versions


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://here"])
def test_a_scheduler_that_does_not_answer_is_named(address):
    with (
        pytest.raises(
            AutograderError, match=f"no Dask scheduler answers at {address}: ."
        ) as caught,
        connected(address, connect_s=0.3),
    ):
        pass
    assert "\n" not in str(caught.value)


def test_an_encrypted_address_needs_a_certificate():
    with (
        pytest.raises(AutograderError, match=r"no certificate for tls://127\.0\.0\.1:1: set"),
        connected("tls://127.0.0.1:1"),
    ):
        pass


def test_without_distributed_the_line_that_installs_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(AutograderError, match=r"pip install 'genai-foundations\[cluster\]'"),
        connected("tcp://127.0.0.1:1"),
    ):
        pass


def test_without_workers_it_waits_and_says_so_and_a_lost_scheduler_ends_it(
    lonely_scheduler, toy_copy, capfd
):
    process, address = lonely_scheduler
    said = []

    def tell(message):
        said.append(message)
        process.kill()
        # The client notices, and tries to connect again.
        time.sleep(0.5)

    pool = ClusterPool(address, LoadedAssignment(toy_copy), connect_s=1.0, tell=tell)
    with pytest.raises(AutograderError, match=f"scheduler at {address} is gone; the results"):
        list(pool.run(["never sent"]))
    assert said == [f"waiting for workers at {address}"]
    assert capfd.readouterr().err == ""


def test_versions_that_differ_are_told_apart():
    ours = versions()
    assert difference(ours, dict(ours)) == ""
    theirs = {**ours, "torch": "1.0"}
    assert difference(ours, theirs) == f"torch 1.0 where this machine has {ours['torch']}"
    assert difference({"engine": "a"}, {}) == "engine unknown where this machine has a"
