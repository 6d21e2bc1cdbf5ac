"""Strips of rows: work on a large array in small parts, so that temporary arrays stay small."""

from __future__ import annotations

from collections.abc import Iterator

_DEFAULT_ROWS = 256


def row_strips(height: int, rows: int = _DEFAULT_ROWS) -> Iterator[slice]:
    """Slices that cover `height` rows without overlap, from the top down.

    Parameters
    ----------
    height : int
        Number of rows to cover; 0 gives no slices.
    rows : int
        Rows in each strip; the last strip may be shorter.

    Yields
    ------
    slice
        With explicit start and stop, step 1.

    Examples
    --------
    >>> list(row_strips(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return (slice(top, min(top + rows, height)) for top in range(0, height, rows))
