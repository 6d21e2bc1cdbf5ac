"""Reading and writing photo files."""
