"""Video files: frames and sound in and out."""
