"""Depth from two views of the scene."""
