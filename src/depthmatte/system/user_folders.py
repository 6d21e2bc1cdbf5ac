"""Folders of the user: where depthmatte keeps data, and how they are made private."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..errors import InputError
from .printable_text import describe_os_error, label

_PRIVATE_MODE = 0o700
"""Only the user may read, write or list."""


def user_data_folder() -> Path:
    """Return the folder of the user's own data. It is not made.

    Returns
    -------
    Path
        $DEPTHMATTE_HOME, else the data folder of the system: `$XDG_DATA_HOME/depthmatte` or
        `~/.local/share/depthmatte` on Linux, `~/Library/Application Support/depthmatte` on
        macOS, depthmatte/data in `%LOCALAPPDATA%` on Windows.
    """
    if chosen := os.environ.get("DEPTHMATTE_HOME"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "depthmatte"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        base = Path(local) if local else Path.home() / "AppData" / "Local"
        return base / "depthmatte" / "data"
    shared = os.environ.get("XDG_DATA_HOME")
    return (Path(shared) if shared else Path.home() / ".local" / "share") / "depthmatte"


def make_private_folder(folder: Path) -> Path:
    """Make a folder that only the user can enter. A folder that exists keeps its permissions.

    Parameters
    ----------
    folder : Path
        The folder. Missing parents are made too, as private as it is.

    Returns
    -------
    Path
        `folder`.

    Raises
    ------
    InputError
        Where it cannot be made, or a file has its name.
    """
    try:
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        for one in reversed(missing):
            one.mkdir(_PRIVATE_MODE, exist_ok=True)
        if not folder.is_dir():
            raise NotADirectoryError
    except (FileExistsError, NotADirectoryError):
        raise InputError(
            f"{label(folder)}: cannot be made (a file has its name); name another folder"
        ) from None
    except (OSError, ValueError) as error:
        reason = describe_os_error(error) if isinstance(error, OSError) else "no path"
        raise InputError(
            f"{label(folder)}: cannot be made ({reason}); name a folder of yours"
        ) from None
    return folder
