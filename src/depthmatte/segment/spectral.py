"""Spectral matting: soft components of a picture from the matting Laplacian, without training.

Levin, Rav-Acha and Lischinski, "Spectral Matting" (2008). The eigenvectors of the matting Laplacian
with the smallest eigenvalues span the mattes that fit the colors. Matting components are the
combinations of them that are nearly 0 or 1 everywhere and sum to 1. A person is a group of
components: those around a click, or those under a rough mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import resize, scale_shape
from ..errors import InputError
from ..types import RGB, Float
from .closed_form import check_scipy

MAX_COMPONENTS = 24
"""Most components of a picture."""

_MAX_CLICKED = 12
"""Most components that clicks can group: every group is tried."""

_MIN_GROUP_SHARE = 0.15
"""Share of the picture that the clicked group and the rest must each cover. A speck of its own
color would be the cheapest group of all."""

_MAX_PIXELS = 12_000
"""Pixels of the picture on which eigenvectors are computed; a larger one is scaled down."""

_SHIFT = 1e-5
"""Distance of the shift below the smallest eigenvalue, which is 0."""

_EIGEN_TOLERANCE = 1e-4
"""Relative error of an eigenvalue at which the search stops."""

_MAX_RESTARTS = 20
"""Restarts of the search for eigenvectors; photos need 1 or 2."""

_SPARSITY = 0.8
"""Exponent of the prior |alpha|^p + |1 - alpha|^p, which is least at 0 and 1."""

_ROUNDS = 14
"""Newton steps."""

_FLOORS = (0.05, 0.001)
"""Distance from 0 and 1 below which the prior is quadratic, in the first and the last step. A large
one would pull everything to 1 / K."""

_CLIP = 3.0
"""Largest entry of an eigenvector in the clustering, in standard deviations."""

_CLUSTER_STARTS = 4
_MIN_AREA_SHARE = 1e-4
"""Share of the picture below which a component is given to the others."""


@dataclass(frozen=True)
class MattingComponents:
    """The matting components of a picture.

    Parameters
    ----------
    alphas : ndarray
        float32 (K, h, w) in [0, 1]; they sum to 1 at each pixel. (h, w) is the picture's size, or
        a smaller one with at most 12,000 pixels.
    costs : ndarray
        Products alpha' L alpha of all pairs, float64 (K, K). A group b of components has the cost
        b' costs b.
    """

    alphas: Float
    costs: NDArray[np.float64]

    def matte(self, chosen: NDArray[np.bool_]) -> Float:
        """Return the sum of the chosen components (K,), float32 (h, w) in [0, 1]."""
        return np.asarray(np.clip(self.alphas[chosen].sum(axis=0), 0, 1), np.float32)

    def group_by_mask(self, rough: Float) -> NDArray[np.bool_]:
        """Choose the group whose matte is nearest to a rough one.

        Parameters
        ----------
        rough : ndarray
            A mask or matte in [0, 1], of any size.

        Returns
        -------
        ndarray
            bool (K,).
        """
        target = resize(rough.astype(np.float32), self.alphas.shape[1:]).astype(np.float64)
        flat = self.alphas.reshape(len(self.alphas), -1).astype(np.float64)
        overlap, products = flat @ target.ravel(), flat @ flat.T
        chosen = overlap > flat.sum(axis=1) / 2
        # One component at a time joins or leaves while that brings the matte nearer.
        for _ in range(4 * len(flat)):
            sign = np.where(chosen, -1.0, 1.0)
            change = products.diagonal() + 2 * sign * (products @ chosen - overlap)
            if change.min() >= -1e-9:
                break
            chosen[change.argmin()] ^= True
        return np.asarray(chosen, np.bool_)

    def group_by_clicks(
        self,
        keep: Sequence[tuple[float, float]] = (),
        drop: Sequence[tuple[float, float]] = (),
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Choose the group that the Laplacian separates best from the rest.

        The cost of a group is divided by its area and that of the rest, as in a ratio cut.

        Parameters
        ----------
        keep, drop : sequence of (float, float)
            Points (x, y) of the person and of the background, in shares of width and height,
            from 0 to 1.

        Returns
        -------
        chosen : ndarray
            bool (K,).
        share : ndarray
            How probable each component is, float64 (K,) in [0, 1]: a group with twice the least
            cost counts 1/e.

        Raises
        ------
        InputError
            When a point is outside the picture, points of both kinds are in one component, or
            there are more than 12 components.
        """
        if len(self.alphas) > _MAX_CLICKED:
            raise InputError(
                f"clicks: cannot group {len(self.alphas)} components; find at most {_MAX_CLICKED}"
            )
        groups = _all_groups(len(self.alphas))
        groups = groups[groups.any(axis=1) & ~groups.all(axis=1)]
        for points, wanted in ((keep, 1.0), (drop, 0.0)):
            for point in points:
                groups = groups[groups[:, self._component_at(point)] == wanted]
        if not len(groups):
            if len(self.alphas) == 1:
                return np.array([bool(keep)]), np.array([float(bool(keep))])
            raise InputError(
                "clicks: points to keep and to drop lie in one component; use more components"
            )
        area = groups @ self.alphas.mean(axis=(1, 2), dtype=np.float64)
        balanced = np.minimum(area, 1 - area) >= _MIN_GROUP_SHARE
        if balanced.any():
            groups, area = groups[balanced], area[balanced]
        cost = np.maximum(_quadratic(groups, self.costs), 0) / np.maximum(area * (1 - area), 1e-9)
        least = float(cost.min())
        weight = np.exp(-(cost - least) / max(least, 1e-12))
        share = np.clip(weight @ groups / weight.sum(), 0, 1)
        return groups[int(cost.argmin())] > 0, share

    def _component_at(self, point: tuple[float, float]) -> int:
        x, y = point
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise InputError(f"clicks: {x:g},{y:g} is outside the picture; give shares from 0 to 1")
        _, height, width = self.alphas.shape
        row, column = min(int(y * height), height - 1), min(int(x * width), width - 1)
        return int(self.alphas[:, row, column].argmax())


def find_components(rgb: RGB, count: int = 10, eigenvectors: int = 30) -> MattingComponents:
    """Split a picture into matting components.

    Time and memory are bounded, because at most 12,000 pixels are worked on: about 3 seconds on one
    core, and 150 MB.

    Parameters
    ----------
    rgb : ndarray
        The picture, uint8 (H, W, 3).
    count : int
        Number of components, from 2 to 24. Components that cover almost nothing are left out.
    eigenvectors : int
        Number of eigenvectors that the components are made of, from `count` to 100.

    Returns
    -------
    MattingComponents
        The same for the same picture and numbers.

    Raises
    ------
    InputError
        When the picture has the wrong type or a number is out of range.
    MissingExtra
        Without SciPy.

    Examples
    --------
    >>> import numpy as np
    >>> from depthmatte.segment.spectral import find_components
    >>> rgb = np.zeros((16, 16, 3), np.uint8)
    >>> rgb[:, 6:] = 200
    >>> components = find_components(rgb, count=2)
    >>> chosen, _ = components.group_by_clicks(keep=[(0.8, 0.5)])
    >>> components.matte(chosen)[8].round().tolist()[4:8]
    [0.0, 0.0, 1.0, 1.0]
    """
    check_scipy()
    from .matting_laplacian import build_laplacian

    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or not rgb.size:
        raise InputError(f"picture: must be uint8 (H, W, 3), got {rgb.dtype} {rgb.shape}")
    if not 2 <= count <= MAX_COMPONENTS:
        raise InputError(
            f"count is {count}; give a number of components from 2 to {MAX_COMPONENTS}"
        )
    if not count <= eigenvectors <= 100:
        raise InputError(f"eigenvectors is {eigenvectors}; give a number from {count} to 100")
    shape = (rgb.shape[0], rgb.shape[1])
    scale = min(1.0, (_MAX_PIXELS / (shape[0] * shape[1])) ** 0.5)
    height, width = scale_shape(shape, scale)
    size = max(3, min(height, _MAX_PIXELS // 3)), max(3, min(width, _MAX_PIXELS // 3))
    small = np.ascontiguousarray(resize(rgb, size))
    laplacian = build_laplacian(small, np.ones(size, bool)).matrix
    values, basis = _smallest_eigenvectors(laplacian, eigenvectors)
    alphas = _sparse_components(basis, _cluster(values, basis, count))
    # Values a little outside [0, 1] are cut off; then the components sum to 1 again.
    alphas = np.clip(alphas, 0, None)
    large = alphas.mean(axis=1) >= _MIN_AREA_SHARE
    alphas = alphas[large]
    alphas /= alphas.sum(axis=0)
    costs = np.asarray(alphas @ (laplacian @ alphas.T), np.float64)
    return MattingComponents(alphas.reshape(-1, *size).astype(np.float32), costs)


def _smallest_eigenvectors(
    laplacian: Any, count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The smallest eigenvalues (M,) and their orthonormal vectors (n, M); the first is constant."""
    import scipy.sparse
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh, splu

    size = laplacian.shape[0]
    if size <= 4 * count:
        values, basis = np.linalg.eigh(laplacian.toarray())
        values, basis = values[:count], basis[:, :count]
    else:
        shifted = (laplacian + _SHIFT * scipy.sparse.identity(size)).tocsc()
        factors = splu(
            shifted,
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
        try:
            values, basis = eigsh(
                laplacian,
                count,
                sigma=-_SHIFT,
                OPinv=LinearOperator((size, size), matvec=factors.solve, dtype=np.float64),
                v0=np.random.default_rng(0).random(size),
                tol=_EIGEN_TOLERANCE,
                maxiter=_MAX_RESTARTS,
            )
        except ArpackNoConvergence as stopped:  # those found so far
            values, basis = stopped.eigenvalues, stopped.eigenvectors
    # The constant is an eigenvector for 0. It is put in front, exactly.
    constant = np.full((size, 1), size**-0.5)
    basis, _ = np.linalg.qr(np.concatenate([constant, basis], axis=1)[:, :size])
    basis[:, 0] = constant[:, 0]
    return np.concatenate([[0.0], np.maximum(values, 0)])[: basis.shape[1]], basis


def _cluster(
    values: NDArray[np.float64], basis: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Hard components (K, n) by k-means on the eigenvectors, the smoothest counting most."""
    scale = 1 / np.sqrt(values[1 : 2 * count] + _SHIFT)
    # Some vectors are large on a speck only. Cut off, they do not take a cluster each.
    limit = _CLIP * len(basis) ** -0.5
    points = np.clip(basis[:, 1 : 2 * count], -limit, limit) * (scale / scale.max(initial=1e-12))
    points = points.astype(np.float32)
    count = min(count, len(points))
    random = np.random.default_rng(0)
    best, best_labels = np.inf, np.zeros(len(points), np.int32)
    for _ in range(_CLUSTER_STARTS if points.size else 0):
        labels = _spread_labels(points, count, random)
        stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-6)
        spread, found, _ = cv2.kmeans(points, count, labels, stop, 1, cv2.KMEANS_USE_INITIAL_LABELS)
        if spread < best:
            best, best_labels = spread, np.asarray(found[:, 0], np.int32)
    return np.asarray(best_labels == np.arange(count)[:, None], np.float64)


def _spread_labels(
    points: NDArray[np.float32], count: int, random: np.random.Generator
) -> NDArray[np.int32]:
    """The nearest of `count` centers that are drawn far from one another (k-means++)."""
    labels = np.zeros((len(points), 1), np.int32)
    nearest = np.full(len(points), np.inf)
    center = int(random.integers(len(points)))
    for index in range(count):
        distance = ((points - points[center]) ** 2).sum(axis=1, dtype=np.float64)
        closer = distance < nearest
        labels[closer] = index
        nearest[closer] = distance[closer]
        total = nearest.sum()
        share = nearest / total if total > 0 else None
        center = int(random.choice(len(points), p=share))
    return labels


def _sparse_components(
    basis: NDArray[np.float64], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Newton's method for the sparsest components in the span of the basis that sum to 1.

    Each step replaces the prior by the parabolas that touch it, u alpha^2 + v (1 - alpha)^2. With
    alpha_k = E y_k its minimum under the constraint is y_k = W_k^-1 (E' v_k - m), where
    W_k = E' (u_k + v_k) E, and the multiplier m makes the y_k sum to E' 1.
    """
    size, width = basis.shape
    alphas = (start @ basis) @ basis.T
    whole = basis.sum(axis=0)
    first, last = _FLOORS
    for step in range(_ROUNDS):
        floor = first * (last / first) ** (step / (_ROUNDS - 1))
        inverses, rights = [], []
        for alpha in alphas:
            near_zero = np.maximum(np.abs(alpha), floor) ** (_SPARSITY - 2)
            near_one = np.maximum(np.abs(1 - alpha), floor) ** (_SPARSITY - 2)
            weighted = basis * (near_zero + near_one)[:, None]
            inverses.append(np.linalg.inv(basis.T @ weighted + 1e-9 * size * np.eye(width)))
            rights.append(basis.T @ near_one)
        inverse, right = np.stack(inverses), np.stack(rights)
        free = np.einsum("kij,kj->i", inverse, right)
        multiplier = np.linalg.solve(inverse.sum(axis=0), free - whole)
        alphas = np.einsum("kij,kj->ki", inverse, right - multiplier) @ basis.T
    return np.asarray(alphas)


def _all_groups(count: int) -> NDArray[np.float64]:
    """All subsets of `count` components, one a row."""
    numbers = np.arange(1 << count)
    return ((numbers[:, None] >> np.arange(count)) & 1).astype(np.float64)


def _quadratic(groups: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("gi,ij,gj->g", groups, matrix, groups, optimize=True))
