"""From a download of a learning platform to one notebook of each student, newest first."""
