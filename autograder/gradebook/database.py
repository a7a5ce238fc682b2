"""How the gradebook's database is reached: one engine an address, its failures on one line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from weakref import WeakSet

import nbgrader.api
import sqlalchemy
from alembic.script import ScriptDirectory
from nbgrader.api import Gradebook
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from autograder.errors import GradebookError

CONNECT_S = 10
"""How long to wait for a server that does not answer; PostgreSQL's own client waits for ever."""

_POSTGRESQL_DRIVERS = ("psycopg2", "psycopg")
_engines: WeakSet[Engine] = WeakSet()


@contextmanager
def open_gradebook(address: str, course: str) -> Iterator[Gradebook]:
    """Open the gradebook at an SQLAlchemy URL; whatever its database says is a GradebookError."""
    try:
        with Gradebook(address, course) as gradebook:
            yield gradebook
    except (SQLAlchemyError, UnicodeError) as error:
        raise GradebookError(describe(address, error)) from error


def database_failure(error: BaseException) -> SQLAlchemyError | None:
    """Return what the database said where nbgrader's own error came of it."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, SQLAlchemyError):
        cause = cause.__cause__ or cause.__context__
    return cause


def describe(address: str, error: Exception) -> str:
    """Say on one line what is wrong with a gradebook; never with its password."""
    lines = str(error.orig if isinstance(error, DBAPIError) else error).split("\n")
    said = " ".join(line.strip() for line in lines if line.strip())
    return f"the gradebook {shown(address)} cannot be used: {said}"


def shown(address: str) -> str:
    """Return a gradebook's URL as it may be printed."""
    try:
        url = make_url(address)
    except ArgumentError:
        return re.sub(r":.*@", ":***@", address)
    # A password can also stand in the query.
    return url.difference_update_query(["password"]).render_as_string(hide_password=True)


@cache
def _engine(address: str, **settings: Any) -> Engine:
    """Make an engine, or say what to install; nbgrader makes its engines here, too.

    Every Gradebook asks for one and compiles each of its queries anew; one engine an address
    keeps them.
    """
    try:
        url = make_url(address)
    except ArgumentError:
        raise GradebookError(
            f"c.CourseDirectory.db_url {shown(address)!r} is no SQLAlchemy URL; PostgreSQL's are "
            "postgresql://user:password@host/database, with %40 for an @ in a password"
        ) from None
    try:
        engine = sqlalchemy.create_engine(url, pool_pre_ping=True, **settings, **_waiting(url))
    except NoSuchModuleError:
        raise GradebookError(f"c.CourseDirectory.db_url: no database {url.drivername!r}") from None
    except ImportError as error:
        raise GradebookError(
            f"c.CourseDirectory.db_url: {url.drivername} needs a driver ({error}); for "
            "postgresql:// that is: pip install psycopg2-binary"
        ) from None
    _engines.add(engine)
    return engine


def _waiting(url: URL) -> dict[str, Any]:
    """Return how long to wait for a server, in the driver's own words."""
    if url.get_backend_name() != "postgresql" or "connect_timeout" in url.query:
        return {}
    if url.get_driver_name() not in _POSTGRESQL_DRIVERS:
        return {}
    return {"connect_args": {"connect_timeout": CONNECT_S}}


def _forget_connections() -> None:
    """Let a forked process leave its parent's connections alone: neither use nor close them."""
    for engine in _engines:
        engine.dispose(close=False)


@cache
def _alembic_version() -> str:
    """Return the revision of a new gradebook; nbgrader asks another process, for a second."""
    return str(ScriptDirectory(ALEMBIC_DIR).get_current_head())


os.register_at_fork(after_in_child=_forget_connections)
nbgrader.api.create_engine = _engine
nbgrader.api.get_alembic_version = _alembic_version
