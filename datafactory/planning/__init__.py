"""Motion planning for an arm: inverse kinematics, collision queries, paths and their timing."""
