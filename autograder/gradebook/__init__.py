"""Enter results in nbgrader's gradebook, and read what is there; never make a score. Theory.

One process writes (`writer.py`). It is forked from the coordinator before that imports torch, and
imports nbgrader when the boxes are ready, while a processor waits. It enters results one by one, as
their files come; a lock of the course sees to it that no other run writes meanwhile.

What is trusted: a result, which a judge wrote. No code of a notebook runs, and no kernel starts. Of
a student come a name, which is refused where nbgrader's pages would run it (`student_ids.py`), and
the rebuilt notebook, whose text was cleaned when it was rebuilt.

The order of events:

1. `register`: where the gradebook does not know the assignment's cells as they are, nbgrader's
   generator tells it, and all marks are forgotten.
2. For each student one ordinary Autograde pass (`ingest.py`). Result and rebuilt notebook lie in
   the converter's `resources` (`handing_over.py`); the preprocessors of the course's configuration
   take them from there. A file that is no notebook has no pass: 0 points, and a flag.
3. Then, and not before, a mark: the hash of the result and of the time of handing in
   (`entered.py`). The next run enters whatever has no mark.

A score that a person has set stands, whatever a pass brings.

What happens when something dies. The writer: the run stops with one line, and results are kept. The
coordinator: the writer misses its parent within a second and ends, after the pass in hand. The
database: a pass is tried once more, for a server may have restarted; then one line says what it
said (`database.py`). Anything between pass and mark: the result is entered twice, which changes
nothing.
"""
