"""The judge: runs the hidden tests against the box, makes the scores, never runs student code."""
