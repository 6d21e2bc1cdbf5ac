"""The HTTP server `depthmatte serve`: portraits, views, live pictures and networks."""
