"""Scenes that are hard for a portrait network: distractors, look-alikes, held objects."""
