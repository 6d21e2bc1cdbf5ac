"""What is known and measured about an exported network file: parity, quality and origin."""
