"""What differs between the four networks: samples, loss, validator and export form of each."""
