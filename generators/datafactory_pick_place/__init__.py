"""Scene-graph pick and place: the first built-in generator."""
