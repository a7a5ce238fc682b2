"""Which students' answers are suspiciously alike: a hint for a person, never a verdict."""
