"""Run hidden tests on an answer that lives across the wall; never run student code. Theory.

A judge is a process of ours outside the box: a fork of the coordinator, or started by a cluster's
worker. Hidden tests, references and known answers are loaded once, before anything of a student
is heard (`assignment_side.py`); pytest collects the tests and runs none of them (`collection.py`).

What is trusted: tests, references and known answers, which are code of ours and run here. What an
exercise process sends is data that `autograder.sandbox` has decoded, and may be any data.

One case of a hidden test, in order (`hidden_tests.py`):

1. The memo asks the box what earlier runs of this case have asked (`memo.py`). Where every reply is
   known, byte for byte, the ending is known too.
2. Otherwise the test runs, seeded. `answer(...)` packs its arguments, asks the reference for what
   it makes of copies of them, and sends the call (`answer.py`). A spy among the arguments leaves
   the reference out.
3. The contract compares the structure of the result with the reference's (`contract.py`). Changes
   of arguments that the reference makes too are brought back. Then the test compares mathematics.
4. What came back is recorded. Where an exercise has failed, that is compared with the known wrong
   answers', which run here by the same protocol (`misconceptions.py`): a name, never a score.

No outcome, no points: a test passes only by returning. An assertion is `FAILED`, and so is what a
test meets in a result that it cannot compute with; a call that brings nothing has the verdict of
what ended it; any other exception is `GRADER_ERROR`, ours, for a person.

What happens when something dies. An exercise process: this case and the exercise's later ones get
its verdict. Student code may call a spy or a stand-in here, with arguments it chooses: what that
takes is bounded, and where an alarm broke it off, the judge ends after the submission. A judge that
dies costs its task one try of three. `autograder.grading` sums up; nothing here writes a file.
"""
