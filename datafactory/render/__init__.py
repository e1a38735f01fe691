"""Pictures of stored episodes: stages, cameras, randomisation, renderers, annotations."""
