"""Finding photos on disk, and the journal of finished photos."""
