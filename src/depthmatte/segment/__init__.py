"""Who is in the picture: Canvas -> Matte."""
