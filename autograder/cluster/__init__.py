"""Grade on a Dask cluster: what travels there, the judges on its workers, and what comes back."""

# A worker imports us in the midst of its own work: as quick as the command line, one thread each.
import autograder.lean_start  # noqa: F401
