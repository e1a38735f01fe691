"""The dataset store: Lance tables, their schema, the reader, and the commit protocol.

Importing this package loads nothing heavy; import the module you need, for example
``datafactory.store.dataset.open_dataset``.
"""
