"""The rim: photos in, pictures out. Beside it only training reads image files, its own data."""
