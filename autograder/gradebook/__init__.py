"""Where results meet nbgrader: its commands, its preprocessors, its gradebook."""
