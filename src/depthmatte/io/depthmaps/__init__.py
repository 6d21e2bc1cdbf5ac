"""Reading and writing depth map files."""
