"""Training of the shipped networks; the only part of depthmatte that needs torch."""
