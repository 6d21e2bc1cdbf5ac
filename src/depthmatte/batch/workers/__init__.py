"""Run many tasks in worker processes, and keep an error of one task from the others."""
