"""Helpers for the operating system: files, messages, CPU cores, memory."""
