"""Conformance suites: what our own tests run over every plugin, and what plugin authors run."""
