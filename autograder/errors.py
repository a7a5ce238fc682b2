"""The one exception base of the engine: the command line prints it on one line and exits 2."""


class AutograderError(Exception):
    """Something a person can mend: says what is wrong, where, and what to do."""


class CourseError(AutograderError):
    """The course's own files do not fit together."""


class GradebookError(AutograderError):
    """The gradebook cannot be opened, read or written."""


class IsolationError(AutograderError):
    """This machine cannot isolate student code the way it was asked to."""
