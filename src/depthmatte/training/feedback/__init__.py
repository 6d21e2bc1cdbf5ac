"""The feedback loop: learn from corrected masks, compare with the current network, adopt."""
