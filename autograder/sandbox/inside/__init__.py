"""What runs inside the box. Theory of operation.

A *box* is one bubblewrap sandbox with one *warm parent* in it (`parent.py`): a process that has
imported numpy, torch, matplotlib and IPython, and that never runs student code. For each submission
it forks a *submission process* into namespaces of its own (`namespaces.py`), which runs the cells
(`cells.py`) and then, for each exercise, forks an *exercise process* that answers calls
(`calls.py`). The last two run student code, so nothing they say is believed: they return data,
never scores.
"""
