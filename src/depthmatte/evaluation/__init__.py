"""Evaluation: metrics, ablations, plots and contact sheets."""
