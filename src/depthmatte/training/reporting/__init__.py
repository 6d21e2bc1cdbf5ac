"""What a run leaves behind and says: its folder, logs, plots, TensorBoard events and report."""
