"""What crosses the wall, in both directions; imported on both sides of it."""
