"""`python -m depthmatte` is the same as `depthmatte`."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    main()
