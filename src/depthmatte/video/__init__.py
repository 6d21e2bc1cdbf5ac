"""Video: read and write it, cut every frame, keep the result steady, and cut live pictures."""
