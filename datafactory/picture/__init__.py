"""Pictures of episodes drawn with Pillow alone: no OpenGL, no display."""

from datafactory.picture.sheet import coverage_picture, episode_picture, sheet_picture
from datafactory.picture.world import Track

__all__ = ["Track", "coverage_picture", "episode_picture", "sheet_picture"]
