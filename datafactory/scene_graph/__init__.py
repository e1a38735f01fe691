"""Scene graphs: relations, their samplers and predicates, the layout solver, goal checking."""
