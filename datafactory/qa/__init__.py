"""Spatial question answering about rendered views: boxes, points, traces, regions and plans.

Answers come from poses, outlines and the episode's own record, never from parsing text.
"""
