"""What a course's nbgrader_config.py names: our parts, in the places of nbgrader's own."""

from autograder.nbgrader_plugin.feedback import StudentPage
from autograder.nbgrader_plugin.preprocessors import FillInResults, RebuildNotebook
from autograder.nbgrader_plugin.saving import SaveScores

__all__ = ["FillInResults", "RebuildNotebook", "SaveScores", "StudentPage"]
