"""Grade on a Dask cluster: what travels there, the judges on its workers, and what comes back."""
