"""What a student gets back: a page of what grading found, and of what a person gave and wrote."""
