"""What runs inside the box, and the one folder that runs beside student code.

`__main__` warms up (`warm_up`) and forks warm parents (`warm_parent`, `processes`). Their forks
shut themselves off (`namespaces`), run the cells (`cells`, `shell`, `figures`) and serve calls
(`exercise_process`). Nothing here knows a hidden test, a reference or a score. The theory of
operation is in `autograder.sandbox`.
"""
