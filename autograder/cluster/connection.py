"""The connection to a Dask scheduler: opened or refused within seconds, on one line."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from autograder.errors import AutograderError, SchedulerGone
from autograder.results.versions import difference, versions

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 10.0


def scheduler_gone(address: str) -> SchedulerGone:
    """Return the error of a scheduler that hung up."""
    return SchedulerGone(
        f"the Dask scheduler at {address} is gone; the results so far are kept: "
        "type the same again to go on"
    )


@contextlib.contextmanager
def connected(address: str, connect_s: float = CONNECT_S) -> Iterator[Client]:
    """Connect to a scheduler; say in one line why that fails."""
    try:
        from distributed import Client, Security
    except ImportError:
        raise AutograderError(
            "--cluster needs the package `distributed`: pip install 'genai-foundations[cluster]'"
        ) from None
    # What is wrong is told on one line, by us.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if (
        address.startswith("tls:")
        and Security().get_connection_args("client")["ssl_context"] is None
    ):
        raise AutograderError(
            f"no certificate for {address}: set distributed.comm.tls in Dask's configuration, "
            "see docs/cluster.md"
        )
    try:
        client = Client(address, timeout=connect_s, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise AutograderError(f"no Dask scheduler answers at {address}: {reason}") from None
    try:
        yield client
    finally:
        with contextlib.suppress(OSError):
            client.close(timeout=connect_s)


def check_workers(client: Client) -> None:
    """Refuse workers on which results would differ; those that come later check themselves."""
    for address, theirs in client.run(versions, on_error="return").items():
        if isinstance(theirs, ImportError):
            raise AutograderError(f"the worker {address} lacks the engine: {theirs}")
        if isinstance(theirs, dict) and (differs := difference(versions(), theirs)):
            raise AutograderError(
                f"the worker {address} has {differs}: install the same on both, "
                "then start the worker again"
            )
