"""Goal forms: sort, stack, clear, line ... as data, and what they become for given objects."""
