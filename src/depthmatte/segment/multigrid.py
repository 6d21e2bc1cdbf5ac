"""Smoothed-aggregation multigrid for the matting Laplacian, as a preconditioner.

Alpha that is a linear function of color costs almost nothing. Plain conjugate gradients need
hundreds of steps to find it. So the coarse levels hold exactly these functions: per block of pixels
a constant and the three colors (Vanek, Mandel and Brezina, 1996). Ten steps then do.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from numpy.typing import NDArray

_BLOCKS = (6, 3, 3, 3, 3)
"""Side of the blocks of each level, in blocks of the level below."""

_DAMPING = np.float32(0.6)
"""Step of the Jacobi smoother."""

_PROLONGATION_DAMPING = np.float32(0.66)
"""Step of the Jacobi smoother that is applied to the coarse functions."""

_DIRECT_SIZE = 2500
"""Unknowns from which a level is no longer solved directly."""

_MIN_INDEPENDENCE = 1e-4
"""Size of a coarse function, beside the first of its block, below which it is left out: it is a
combination of the others, as colors are in a block of one color."""


class _Level(NamedTuple):
    matrix: Any
    inverse_diagonal: NDArray[np.float32]
    prolong: Any
    restrict: Any


class Multigrid:
    """One V-cycle, an approximate inverse of a positive definite matrix.

    It works in float32 and needs about 700 bytes per unknown while it is made.

    Parameters
    ----------
    matrix : scipy.sparse.csr_matrix
        Symmetric and positive definite, (n, n).
    pixels : ndarray
        (row, column) of each unknown, int32 (n, 2).
    colors : ndarray
        Colors of the unknowns, float32 (n, 3).
    """

    def __init__(self, matrix: Any, pixels: NDArray[np.int32], colors: NDArray[np.float32]) -> None:
        self._levels: list[_Level] = []
        matrix = matrix.astype(np.float32)
        functions = np.column_stack([np.ones(len(colors), np.float32), colors])
        for side in _BLOCKS:
            if matrix.shape[0] <= _DIRECT_SIZE:
                break
            plain, pixels, functions = _aggregate(pixels, functions, side)
            inverse = 1 / matrix.diagonal()
            step = scipy.sparse.diags(_PROLONGATION_DAMPING * inverse) @ (matrix @ plain)
            prolong = (plain - step).tocsr()
            restrict = prolong.T.tocsr()
            self._levels.append(_Level(matrix, inverse, prolong, restrict))
            matrix = (restrict @ (matrix @ prolong)).tocsr()
        self._coarsest = _factor(matrix)

    def __call__(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the approximate solution for a right side (n,)."""
        return self._cycle(residual.astype(np.float32), 0).astype(np.float64)

    def _cycle(self, residual: NDArray[np.float32], depth: int) -> NDArray[np.float32]:
        if depth == len(self._levels):
            solved: NDArray[np.float32] = self._coarsest(residual).astype(np.float32)
            return solved
        level = self._levels[depth]
        solution: NDArray[np.float32] = _DAMPING * level.inverse_diagonal * residual
        coarse = level.restrict @ (residual - level.matrix @ solution)
        solution += level.prolong @ self._cycle(coarse, depth + 1)
        solution += _DAMPING * level.inverse_diagonal * (residual - level.matrix @ solution)
        return solution


def _factor(matrix: Any) -> Any:
    """Factor the coarsest level; float32 may have cost it its smallest eigenvalues."""
    size = matrix.shape[0]
    shift = 1e-6 * float(matrix.diagonal().mean())
    exact = (matrix.astype(np.float64) + shift * scipy.sparse.identity(size)).tocsc()
    return scipy.sparse.linalg.splu(
        exact,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    ).solve


def _aggregate(
    pixels: NDArray[np.int32], functions: NDArray[np.float32], side: int
) -> tuple[Any, NDArray[np.int32], NDArray[np.float32]]:
    """Gather unknowns in square blocks and make their functions orthonormal there.

    Returns the prolongation (n, m), and for each of its m columns the block as (row, column) and
    what the functions of the level below are in it (m, 4).
    """
    rows, columns = (pixels // side).T
    width = int(columns.max()) + 1
    names, block = np.unique(rows.astype(np.int64) * width + columns, return_inverse=True)
    sizes = np.bincount(block)
    place = np.empty(len(block), np.int64)
    place[np.argsort(block, kind="stable")] = np.arange(len(block)) - np.repeat(
        np.cumsum(sizes) - sizes, sizes
    )
    kinds = functions.shape[1]
    grouped = np.zeros((len(names), max(int(sizes.max()), kinds), kinds))
    grouped[block, place] = functions
    basis, factors = np.linalg.qr(grouped)
    strength = np.abs(np.einsum("bii->bi", factors))
    # The functions of one unknown alone are all the same one: QR fills up with empty rows.
    filled = np.zeros((len(names), kinds))
    np.add.at(filled, block, basis[block, place] ** 2)
    kept = (strength > _MIN_INDEPENDENCE * strength[:, :1]) & (filled > 0.5)
    kept[:, 0] = True
    column = np.cumsum(kept.ravel()).reshape(kept.shape) - 1
    used = kept[block]
    values = basis[block, place][used].astype(np.float32)
    ends = np.concatenate([[0], np.cumsum(used.sum(axis=1))]).astype(np.int32)
    plain = scipy.sparse.csr_matrix(
        (values, column[block][used].astype(np.int32), ends),
        shape=(len(block), int(kept.sum())),
    )
    corners = np.stack(np.divmod(names, width), axis=1).astype(np.int32)
    return plain, np.repeat(corners, kept.sum(axis=1), axis=0), factors[kept].astype(np.float32)
