"""The suite ``pick_place_200``."""
