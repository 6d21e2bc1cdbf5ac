"""Closed-form matting: alpha from a trimap, from strokes, or from a rough matte.

Levin, Lischinski and Weiss, "A Closed-Form Solution to Natural Image Matting" (2008). The matte is
the one with the least cost alpha' L alpha, where L is the matting Laplacian, among those that agree
with what is known. It needs no training. It works where colors of person and background are
locally smooth, and it fails where the two share their colors.

Only unknown pixels are solved. Memory is about 1.5 kB for each, and at most `MAX_UNKNOWN` are
solved at once: a larger band is solved on a smaller picture, and the result is brought to the
photo's size along its edges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import Letterbox, resize, scale_shape
from ..errors import InputError, MissingExtra
from ..restore import restore_map
from ..types import RGB, Float, Mask

MAX_UNKNOWN = 300_000
"""Pixels that are solved at once, which needs about 450 MB."""

_MAX_REFINED = 100_000
"""The same for `refine_alpha`, which works beside networks and effects."""

_PRIOR_WEIGHT = 0.001
"""Weight of a rough matte beside the cost of windows; chosen on training photos."""

_FALLBACK_WEIGHT = 1e-8
"""Weight of 0.5 for pixels that nothing else decides."""

_TOLERANCE = 1e-4
"""Residual, as a share of the right side, at which the solver stops."""

_MAX_STEPS = 200
"""Steps after which the solver stops in any case."""

_SOFT = 0.02
"""Alpha from which, and up to 1 minus which, a rough matte is not certain."""


def check_scipy() -> None:
    """Raise MissingExtra unless SciPy is installed."""
    try:
        import scipy.sparse.linalg  # noqa: F401
    except ImportError as error:
        raise MissingExtra("closed-form matting", "refine") from error


def alpha_from_trimap(rgb: RGB, trimap: NDArray[np.uint8], prior: Float | None = None) -> Float:
    """Solve alpha of the unknown pixels of a trimap.

    Parameters
    ----------
    rgb : ndarray
        The photo, uint8 (H, W, 3).
    trimap : ndarray
        uint8 (H, W): 0 background, 255 portrait, any other value unknown.
    prior : ndarray, optional
        A rough matte, float32 (H, W) in [0, 1], to which unknown pixels are drawn weakly.

    Returns
    -------
    ndarray
        float32 (H, W) in [0, 1]; 0 and 1 where the trimap says so.

    Raises
    ------
    InputError
        When sizes or types do not fit, or the trimap has no background or no portrait.
    MissingExtra
        Without SciPy.

    Examples
    --------
    >>> import numpy as np
    >>> from depthmatte.segment.closed_form import alpha_from_trimap
    >>> rgb = np.zeros((4, 7, 3), np.uint8)
    >>> rgb[:, 4:] = 200
    >>> trimap = np.full((4, 7), 128, np.uint8)
    >>> trimap[:, 0], trimap[:, 6] = 0, 255
    >>> alpha_from_trimap(rgb, trimap)[1].round(2).tolist()
    [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    """
    check_scipy()
    _check_picture(rgb)
    shape = rgb.shape[:2]
    if trimap.dtype != np.uint8 or trimap.shape != shape:
        raise InputError(
            f"trimap: must be uint8 {shape} like the photo, got {trimap.dtype} {trimap.shape}"
        )
    _check_prior(prior, shape)
    foreground, background = trimap == 255, trimap == 0
    if prior is None and not (foreground.any() and background.any()):
        missing = "background, 0" if foreground.any() else "portrait, 255"
        raise InputError(f"trimap: has no pixel of the {missing}; mark some")
    band = ~(foreground | background)
    return _solve_scaled(rgb, foreground.astype(np.float32), band, prior, MAX_UNKNOWN)


def alpha_from_strokes(rgb: RGB, keep: Mask, drop: Mask, prior: Float | None = None) -> Float:
    """Solve alpha from strokes on the person and on the background.

    Parameters
    ----------
    rgb : ndarray
        The photo, uint8 (H, W, 3).
    keep, drop : ndarray
        Pixels of the person and of the background, bool (H, W).
    prior : ndarray, optional
        A rough matte, float32 (H, W) in [0, 1], to which other pixels are drawn weakly.

    Returns
    -------
    ndarray
        float32 (H, W) in [0, 1]; 1 in `keep` and 0 in `drop`.

    Raises
    ------
    InputError
        When sizes or types do not fit, strokes overlap, or one of them is missing without a
        `prior`.
    MissingExtra
        Without SciPy.

    Examples
    --------
    >>> import numpy as np
    >>> from depthmatte.segment.closed_form import alpha_from_strokes
    >>> rgb = np.zeros((4, 7, 3), np.uint8)
    >>> rgb[:, 4:] = 200
    >>> keep = np.zeros((4, 7), bool)
    >>> drop = keep.copy()
    >>> keep[2, 5], drop[2, 1] = True, True
    >>> alpha_from_strokes(rgb, keep, drop)[1].round(2).tolist()
    [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    """
    shape = np.shape(rgb)[:2]
    for name, stroke in (("keep", keep), ("drop", drop)):
        if stroke.dtype != np.bool_ or stroke.shape != shape:
            raise InputError(
                f"{name}: must be bool {shape} like the photo, got {stroke.dtype} {stroke.shape}"
            )
        if prior is None and not stroke.any():
            raise InputError(f"{name}: has no pixel; draw a stroke of each kind")
    if (keep & drop).any():
        raise InputError("strokes: a pixel is in keep and in drop; remove it from one")
    trimap = np.where(keep, np.uint8(255), np.where(drop, np.uint8(0), np.uint8(128)))
    return alpha_from_trimap(rgb, trimap, prior)


def refine_alpha(rgb: RGB, alpha: Float, radius: float) -> Float:
    """Solve the band along the outline of a rough matte again.

    The rough matte is a weak prior in the band and stays as it is outside.

    Parameters
    ----------
    rgb : ndarray
        The photo, uint8 (H, W, 3).
    alpha : ndarray
        The rough matte, float32 (H, W) in [0, 1].
    radius : float
        How far the matte may be wrong, in pixels: width of the band on either side of what is
        not certain.

    Returns
    -------
    ndarray
        float32 (H, W) in [0, 1].

    Raises
    ------
    InputError
        When sizes or types do not fit.
    MissingExtra
        Without SciPy.

    Examples
    --------
    >>> import numpy as np
    >>> from depthmatte.segment.closed_form import refine_alpha
    >>> rgb = np.zeros((9, 9, 3), np.uint8)
    >>> rgb[:, 4:] = 200
    >>> rough = np.zeros((9, 9), np.float32)
    >>> rough[:, 5:] = 1
    >>> refine_alpha(rgb, rough, 2)[4].round().tolist()
    [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    check_scipy()
    _check_picture(rgb)
    _check_prior(alpha, rgb.shape[:2])
    return _solve_scaled(rgb, alpha, _outline_band(alpha, radius), alpha, _MAX_REFINED)


def _outline_band(alpha: Float, radius: float) -> Mask:
    """Pixels within `radius` of soft alpha or of a jump between 0 and 1."""
    # In 8 bits, which needs a quarter of the memory.
    levels, soft = np.rint(alpha * np.float32(255)).astype(np.uint8), round(_SOFT * 255)
    window = np.ones((3, 3), np.uint8)
    jump = cv2.morphologyEx(levels, cv2.MORPH_GRADIENT, window)
    uncertain = np.asarray((jump > soft) | ((levels > soft) & (levels < 255 - soft)))
    del levels, jump
    if not uncertain.any():
        return uncertain
    away = cv2.distanceTransform((~uncertain).astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(away <= radius)


def _check_picture(rgb: RGB) -> None:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or not rgb.size:
        raise InputError(f"photo: must be uint8 (H, W, 3), got {rgb.dtype} {rgb.shape}")


def _check_prior(prior: Float | None, shape: tuple[int, int]) -> None:
    if prior is None:
        return
    if prior.dtype != np.float32 or prior.shape != shape:
        raise InputError(
            f"matte: must be float32 {shape} like the photo, got {prior.dtype} {prior.shape}"
        )
    if not ((prior >= 0) & (prior <= 1)).all():
        raise InputError("matte: has values outside 0 to 1; divide by its largest value")


def _solve_scaled(rgb: RGB, known: Float, band: Mask, prior: Float | None, limit: int) -> Float:
    """Solve on the picture, or on a smaller one where the band has more pixels than `limit`."""
    count = int(band.sum())
    if not count:
        return known.copy()
    shape = band.shape
    small, fit = band, Letterbox.identity(shape)
    scale = 1.0
    while small.sum() > limit:
        scale *= min(0.95, float(np.sqrt(limit / small.sum())))
        size = scale_shape(shape, scale)
        fit = Letterbox(shape, size, size, (0, 0))
        # A small pixel is known only if all pixels that it covers are.
        small = resize(band.astype(np.uint8) * np.uint8(255), size) > 0
    size = fit.canvas
    solved = _solve_band(
        np.ascontiguousarray(resize(rgb, size)),
        np.asarray(resize(known, size), np.float32),
        small,
        None if prior is None else np.asarray(resize(prior, size), np.float32),
    )
    restored = restore_map(solved, fit, rgb)
    np.copyto(restored, known, where=~band)
    return restored


def _solve_band(rgb: RGB, known: Float, band: Mask, prior: Float | None) -> Float:
    """Alpha of all pixels: solved in the band, and as `known` elsewhere."""
    from .matting_laplacian import build_laplacian

    height, width = band.shape
    if min(height, width) < 3:  # windows need 3 x 3 pixels
        frame = ((0, max(0, 3 - height)), (0, max(0, 3 - width)))
        rgb = np.pad(rgb, (*frame, (0, 0)), mode="edge")
        known = np.pad(known, frame, mode="edge")
        band = np.pad(band, frame, mode="edge")
        prior = None if prior is None else np.pad(prior, frame, mode="edge")
    equations = build_laplacian(rgb, band, known)
    target = np.zeros(len(equations.pixels)) if prior is None else prior[band].astype(np.float64)
    weight = 0.0 if prior is None else _PRIOR_WEIGHT
    right = weight * target - equations.from_known + _FALLBACK_WEIGHT * 0.5
    solved = solve_laplacian(equations, weight + _FALLBACK_WEIGHT, right, target)
    alpha = known.copy()
    alpha[band] = np.clip(solved, 0, 1)
    return alpha[:height, :width]


def solve_laplacian(
    equations: Any, weight: float, right: NDArray[np.float64], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Solve (L + weight) x = right by conjugate gradients with a multigrid preconditioner.

    Parameters
    ----------
    equations : BandLaplacian
        L with the place and color of each unknown.
    weight : float
        Added to the diagonal, above 0.
    right : ndarray
        float64 (n,).
    start : ndarray
        A first guess, float64 (n,).

    Returns
    -------
    ndarray
        float64 (n,).
    """
    import scipy.sparse
    from scipy.sparse.linalg import LinearOperator, cg

    from .multigrid import Multigrid

    size = len(right)
    matrix = (equations.matrix + weight * scipy.sparse.identity(size, format="csr")).tocsr()
    cycle: Callable[..., Any] = Multigrid(matrix, equations.pixels, equations.colors)
    preconditioner = LinearOperator((size, size), matvec=cycle, dtype=np.float64)
    solved, _ = cg(matrix, right, x0=start, rtol=_TOLERANCE, maxiter=_MAX_STEPS, M=preconditioner)
    return np.asarray(solved, np.float64)
