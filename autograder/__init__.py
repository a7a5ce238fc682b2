"""An engine that grades nbgrader courses; it knows no chapter by name.

What a course imports is named here: `answers` in `tests/answers/`, `testing` in `tests/hidden/`,
and the exceptions of `errors`. Its configuration names the preprocessors of `nbgrader_plugin`. All
else is the engine's own and may change.
"""

__all__ = ["answers", "errors", "testing"]
