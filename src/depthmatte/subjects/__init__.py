"""People in a matte, and which of them are kept."""
