"""The rim: photos in, pictures out. Nothing else in depthmatte touches image files."""
