"""Run nbgrader's own converters in this process, under the course's own configuration."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

from nbgrader.converters import GenerateAssignment
from traitlets.config import Config

from autograder.course import Assignment, Course


def course_config(course: Course) -> Config:
    """Return the configuration that nbgrader itself would read in the course's folder."""
    from traitlets.config.loader import PyFileConfigLoader

    config = PyFileConfigLoader(course.config.name, path=str(course.config.parent)).load_config()
    config.CourseDirectory.root = str(course.root)
    return config


def course_directory(assignment: Assignment, config: Config) -> Any:
    """Return nbgrader's idea of the course, set to one assignment."""
    from nbgrader.coursedir import CourseDirectory

    directory = CourseDirectory(config=config)
    directory.root = str(assignment.course.root)
    directory.assignment_id = assignment.name
    return directory


def put_scripts_on_path() -> None:
    """nbgrader calls `alembic` by name: let it find this environment's."""
    scripts = str(Path(sys.executable).parent)
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = scripts + os.pathsep + os.environ.get("PATH", "")


def quiet_log() -> logging.Logger:
    """Return a logger that keeps nbgrader's progress to itself and its warnings for us."""
    log = logging.getLogger("autograder.nbgrader")
    log.setLevel(logging.WARNING)
    log.propagate = False
    return log


def generate_release(assignment: Assignment) -> None:
    """Run nbgrader's `generate_assignment` for one assignment, without a database."""
    config = course_config(assignment.course)
    converter = GenerateAssignment(
        coursedir=course_directory(assignment, config), parent=None, config=config
    )
    converter.no_database = True
    converter.force = True
    converter.preprocessors = [p for p in converter.preprocessors if p.__name__ != "SaveCells"]
    converter.log = quiet_log()
    converter.start()


