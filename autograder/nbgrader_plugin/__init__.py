"""What nbgrader loads by its configuration: our preprocessors."""
