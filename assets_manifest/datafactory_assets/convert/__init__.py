"""From a mesh file to a rigid asset: scale, repair, convex pieces, mass, resting poses, hollows."""
