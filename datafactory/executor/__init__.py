"""Running attempts: shards of attempt indices on dask, committed in order by one coordinator.

Importing this package loads nothing heavy; import the module you need, for example
``datafactory.executor.coordinator.run_generation``.
"""
