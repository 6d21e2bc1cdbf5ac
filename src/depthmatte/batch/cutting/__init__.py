"""Cutting one photo of many: the job, its inputs, its pictures and its notes."""
