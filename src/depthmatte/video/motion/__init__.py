"""Motion between frames, and what it keeps steady: alpha, depth and the choice of the person."""
