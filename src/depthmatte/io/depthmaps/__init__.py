"""depthmaps."""
