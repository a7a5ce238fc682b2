"""The course's configuration: nbgrader's own settings, and the limits for student code."""

from autograder.formgrader import template_folders

c = get_config()  # noqa: F821  nbgrader defines it.

c.CourseDirectory.course_id = "genai-foundations"

# The licence of the text, the exercises and the pictures; every built notebook bears it.
c.Course.license = "CC-BY-4.0"

# What a student finds in place of an answer.
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}

# What replaces nbgrader's running of student code: the notebook is rebuilt from ours, the engine
# grades it in a box, and its outputs and scores are filled in. No kernel is started.
c.Autograde.sanitize_preprocessors = [
    "autograder.nbgrader_plugin.RebuildNotebook",
]
c.Autograde.autograde_preprocessors = [
    "autograder.nbgrader_plugin.FillInResults",
    "autograder.nbgrader_plugin.SaveScores",
    "nbgrader.preprocessors.AssignLatePenalties",
]

# What students get as feedback: our page, without marking schemes, with comments and formulas.
c.GenerateFeedback.exporter_class = "autograder.nbgrader_plugin.StudentPage"
# Formgrader's formulas need no network: our templates come before its own.
c.HTMLExporter.extra_template_basedirs = template_folders()

# Limits of student code; `autograder grade --help` lists them with their defaults.
# c.Limits.call_wall_s = 10
