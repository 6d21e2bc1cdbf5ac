"""The networks: encoders, the portrait network and the monocular depth network."""
