"""Reports of a graded class: pages for the instructor, and a feedback page for each student."""
