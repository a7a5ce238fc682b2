"""Pages that need no other file and in which nothing runs but our script: their frame and style."""
