"""Run student code in a box, and let nothing but data out of it. Theory of operation.

A run opens one bubblewrap *sandbox* (`host/bubblewrap.py`): no network, a read-only system, of the
course only `data/`, of the engine only what runs there. Inside, `python -m
autograder.sandbox.inside` leaves root, imports what is slow once, and forks a *warm parent* for
each judge, with a network of its own. A `Box` (`host/box.py`) is the judge's hold on one warm
parent: a socket on which it orders and is answered.

For each submission the warm parent forks a *submission process* into user, PID, mount and IPC
namespaces of its own, under hard limits, with an empty `/tmp` and `/proc` and no capabilities. It
runs the cells. Then it forks *exercise processes*, which answer calls: one for each exercise, or
one for all where calls can leave nothing behind. A `Session` (`host/session.py`) takes one
submission through all that. With `--isolation none` there are the same processes and no walls.

Who is trusted. The warm parent never runs student code and reads nothing of what it sends: it
forks, measures and kills. The other two run student code, so nothing they say is believed. They
return data, by `wire/`: frames of bounded size, JSON and safetensors, never a pickle.

Who keeps the limits. The host keeps wall time, by deadlines on its sockets. The kernel and the warm
parent, which looks every 40 ms, keep memory, processes and processor time.

What happens when something dies. An exercise process: the host asks the warm parent why, and the
exercise ends with that verdict; the next one gets a fresh fork. A submission process: the cell that
ended it is skipped, and the cells run again without it, six times at most. A warm parent: `Box`
counts it and opens a sandbox again, and the submission is graded anew, three times at most.
A judge: its warm parent hears that it hung up, kills what it has started, and ends; the sandbox
ends with the last of them. Where something cannot be killed, the warm parent ends itself.
"""
