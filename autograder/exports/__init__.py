"""Scores in the forms other systems read: spreadsheets, Canvas, Moodle, Gradescope."""
