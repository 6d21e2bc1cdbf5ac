"""The command line. `app.py` declares the commands."""

from __future__ import annotations

from .app import main

__all__ = ["main"]
