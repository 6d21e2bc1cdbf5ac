"""The command line: options in, results on disk. `app.py` holds the commands."""

from __future__ import annotations

from .app import main

__all__ = ["main"]
