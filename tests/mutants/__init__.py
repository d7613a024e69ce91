"""Real networks with one mistake in each: what stitch says of it, and whether its fix works."""
