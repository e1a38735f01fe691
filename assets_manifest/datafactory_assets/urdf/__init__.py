"""URDF robots and objects as MJCF that compiles: resolved, cleaned, repaired with a record."""
