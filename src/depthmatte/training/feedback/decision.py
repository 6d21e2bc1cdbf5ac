"""Whether a network that learned from feedback replaces the current one. Plain numbers.

Both networks cut the same photos, and their IoU is compared photo by photo. Photos differ more
from each other than two such networks do on one photo, so pairs tell a small loss from chance
where two separate means do not. A tolerance of zero would refuse every second network that is as
good as the current one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PairedScores:
    """IoU of two networks on the same photos.

    Attributes
    ----------
    photos : tuple of str
        Names of the photos.
    before, after : tuple of float
        IoU of the current and of the new network, in [0, 1].
    """

    photos: tuple[str, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.photos)

    @property
    def mean_before(self) -> float:
        """Mean IoU of the current network; NaN without photos."""
        return _mean(self.before)

    @property
    def mean_after(self) -> float:
        """Mean IoU of the new network; NaN without photos."""
        return _mean(self.after)

    @property
    def gain(self) -> float:
        """Mean difference, new minus current; NaN without photos."""
        return _mean([new - old for old, new in zip(self.before, self.after, strict=True)])

    @property
    def standard_error(self) -> float:
        """Standard error of `gain`; NaN for fewer than two photos."""
        if len(self) < 2:
            return math.nan
        gain = self.gain
        squares = sum((n - o - gain) ** 2 for o, n in zip(self.before, self.after, strict=True))
        return math.sqrt(squares / (len(self) - 1) / len(self))

    def describe(self) -> str:
        """One line of figures."""
        error = "" if math.isnan(self.standard_error) else f" +- {self.standard_error:.4f}"
        return (
            f"{len(self)} photos, IoU {self.mean_before:.4f} -> {self.mean_after:.4f} "
            f"({self.gain:+.4f}{error})"
        )

    def to_json(self) -> dict[str, Any]:
        """Means and the scores of every photo, as plain values; NaN becomes None."""
        means = {
            "before": self.mean_before,
            "after": self.mean_after,
            "gain": self.gain,
            "standard_error": self.standard_error,
        }
        rows = zip(self.photos, self.before, self.after, strict=True)
        return {
            "photos": len(self),
            **{key: None if math.isnan(one) else round(one, 6) for key, one in means.items()},
            "scores": [[name, round(old, 6), round(new, 6)] for name, old, new in rows],
        }


@dataclass(frozen=True)
class AdoptionDecision:
    """The answer, and the reasons for it, one line each."""

    adopted: bool
    reasons: tuple[str, ...]


def decide_adoption(
    kept: PairedScores,
    agreement: PairedScores,
    feedback: PairedScores,
    tolerance: float,
    min_agreement: float,
) -> AdoptionDecision:
    """Decide whether the new network is adopted.

    Parameters
    ----------
    kept : PairedScores
        On photos with true masks that are kept from training. May be empty.
    agreement : PairedScores
        On photos without masks, against the current network's mattes. May be empty. It says how
        far the new network moved, not whether it got better.
    feedback : PairedScores
        On feedback, held out where there is enough of it.
    tolerance : float
        Largest fall of the mean IoU on `kept`.
    min_agreement : float
        Least mean IoU on `agreement`.

    Returns
    -------
    AdoptionDecision
        Adopted only if there is something to check against, nothing of it got worse, and the
        feedback got better.
    """
    failures = []
    if not len(kept) and not len(agreement):
        failures.append(
            "there are no kept photos to check; give --data or --replay-photos, "
            "or adopt it by hand with depthmatte networks use"
        )
    if len(kept) and not kept.gain >= -tolerance:
        failures.append(f"kept photos got worse by {-kept.gain:.4f}, more than {tolerance:g}")
    if len(agreement) and not agreement.mean_after >= min_agreement:
        failures.append(
            f"mattes of other photos changed: IoU {agreement.mean_after:.4f} with the current "
            f"network's, less than {min_agreement:g}"
        )
    if not feedback.gain > 0:
        failures.append(f"the feedback got no better ({feedback.gain:+.4f})")
    if failures:
        return AdoptionDecision(False, tuple(failures))
    reasons = [f"the feedback got better by {feedback.gain:.4f}"]
    if len(kept):
        reasons.append(f"kept photos changed by {kept.gain:+.4f}, at most -{tolerance:g} allowed")
    if len(agreement):
        reasons.append(f"mattes of other photos agree to {agreement.mean_after:.4f}")
    return AdoptionDecision(True, tuple(reasons))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
