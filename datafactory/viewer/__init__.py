"""The viewer: a local web page over a dataset. ``server.serve`` starts it."""
