"""The results document: its schema, verdicts, feedback, and what makes a result."""
