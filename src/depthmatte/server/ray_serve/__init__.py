"""Serve the app on Ray Serve: copies of the server that come and go with the load."""
