"""What several benchmarks share: peers, tables, timing, and programs run on their own."""
