"""Color management: ICC profiles, tone curves, linear light, luma."""
