"""Antipodal grasps for parallel grippers: sampled on an asset, ranked in a scene."""
