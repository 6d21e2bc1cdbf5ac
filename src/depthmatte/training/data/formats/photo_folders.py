"""Find the photos that a label file names, in the folder that the user gave and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from ....errors import InputError
from ....system.printable_text import label


@dataclass(frozen=True)
class PhotoFolders:
    """The folders in which the photos of a label file are looked for.

    Parameters
    ----------
    folders : tuple of Path
        In order of preference.
    """

    folders: tuple[Path, ...]

    @classmethod
    def for_label_file(cls, path: Path, images: Path | None) -> PhotoFolders:
        """Choose the folder given by the user, else the places where the tools put photos.

        Those are the folder of the file, `images/` in it, and one folder up where the file lies in
        `annotations/`.

        Raises
        ------
        InputError
            Where `images` is no folder.
        """
        if images is not None:
            if not images.is_dir():
                raise InputError(f"{label(images)}: is no folder; give the folder of the photos")
            return cls((images,))
        bases = [path.parent]
        if path.absolute().parent.name == "annotations":
            bases.append(path.absolute().parent.parent)
        return cls(tuple(d for base in bases for d in (base / "images", base) if d.is_dir()))

    def find(self, reference: str) -> Path | None:
        """Find the photo that a label file names by a path or an address.

        The longest part of the path that exists in a folder counts: `c/d.jpg` of `/a/b/c/d.jpg`.
        Label Studio puts eight characters and "-" before the names of uploaded photos. They are
        left out where there is no file of the full name.

        Parameters
        ----------
        reference : str
            A relative or absolute path, or an address.

        Returns
        -------
        Path or None
            None where there is no such file inside of the folders.
        """
        parts = _path_parts(reference)
        names = [parts[start:] for start in range(len(parts))]
        if parts and parts[-1][8:9] == "-":
            names.append((parts[-1][9:],))
        for name in names:
            for folder in self.folders:
                for base in (folder, folder / "default"):  # CVAT's COCO export
                    found = _inside(folder, base.joinpath(*name))
                    if found is not None:
                        return found
        return None


def _path_parts(reference: str) -> tuple[str, ...]:
    """The parts of a path; none where it leads upwards or holds characters of no path."""
    text = reference.replace("\\", "/")
    if "://" in text or text.startswith("/data/"):
        try:
            address = urlsplit(text)
            query = parse_qs(address.query).get("d")  # Label Studio's local files
        except ValueError:
            return ()
        text = query[0] if query else unquote(address.path)
    parts = PurePosixPath(text).parts
    if any(part == ".." or "\0" in part for part in parts):
        return ()
    return tuple(part for part in parts if part != "/")


def _inside(folder: Path, path: Path) -> Path | None:
    """The path if it is a file that lies in the folder, links followed."""
    try:
        if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            return path
    except (OSError, ValueError, RuntimeError):  # too long, or a loop of links
        pass
    return None
