"""Datasets leaving and entering in the field's formats: exporters and importers."""
