"""ZIP archives of files that are compressed already."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping


def encode_zip(files: Mapping[str, bytes]) -> bytes:
    """Store files in a ZIP without compressing them again.

    Parameters
    ----------
    files : mapping of str to bytes
        Name -> content, in the order of the archive. Equal files make an equal archive.

    Returns
    -------
    bytes
    """
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return held.getvalue()
