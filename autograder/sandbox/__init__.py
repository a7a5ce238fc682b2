"""Run student code: the box, the wall around it, and what crosses the wall."""
