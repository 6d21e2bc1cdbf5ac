"""Cutting many photos: jobs, worker processes and results."""
