"""Reading and writing camera calibration files."""
