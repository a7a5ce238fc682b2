"""From a chapter's master to the notebooks: parse, splice, build, and check. Never grades."""
