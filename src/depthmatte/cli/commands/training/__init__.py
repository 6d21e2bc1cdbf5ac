"""The commands of `depthmatte train`."""
