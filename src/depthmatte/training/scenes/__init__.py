"""Composite scenes with exact depth: camera, cut-outs, compositor, renderer, light, sensors."""
