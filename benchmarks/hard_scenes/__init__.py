"""The benchmark of hard scenes: `python -m benchmarks.hard_scenes` writes them."""
