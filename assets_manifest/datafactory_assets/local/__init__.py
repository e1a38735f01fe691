"""The ``local`` provider: a folder of object files, converted and registered under a name."""
