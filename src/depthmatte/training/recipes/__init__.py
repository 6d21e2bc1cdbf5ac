"""Recipe files: all phases of a network's training, and one command that trains it again."""
