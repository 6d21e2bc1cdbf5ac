"""The network behind `--refine detail`: alpha at the size of the photo, from a coarse alpha.

It works at half the size of its input, so that it costs little, and sees 25 pixels around each
pixel. Its input has the colors of person and background, continued from where each is certain.
Between them a pixel's own color says how much of each it shows: the projection alpha of sampling
methods (Chuang et al. 2001). The network decides how far to believe it, and what to add.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .encoders import Encoder, conv_bn_relu
from .matte import upsample_like

_HALF, _QUARTER = 20, 32
"""Channels at half and at a quarter of the size."""

_LEAST_CONTRAST = 0.004
"""Squared distance of two colors, each in [0, 1], below which they hardly tell anything."""

_DOUBT_SLOPE, _CERTAIN_SLOPE = 1.2, 1.5
"""Slope of `sharpen` at alpha .5 where the coarse alpha is in doubt, and where it is certain."""

_DOUBT = 0.06
"""Distance of the coarse alpha from 0 and 1 at which it is in full doubt."""

_SEEN = 4 * 6 + 7
"""Channels at half the size: six planes of four pixels each, two colors and their distance."""


class DetailOutput(NamedTuple):
    """The refined `alpha` and the `coarse` alpha of the input, both (n, 1, h, w).

    `alpha` may lie a little outside [0, 1] during training.
    """

    alpha: Tensor
    coarse: Tensor


class DetailNetwork(nn.Module):
    """Planes of `segment.refine` (n, 10, h, w) in [0, 1] -> DetailOutput."""

    def __init__(self, encoder: str = "") -> None:
        super().__init__()
        self.encoder = Encoder(
            [
                conv_bn_relu(_SEEN, _HALF),
                nn.Sequential(
                    conv_bn_relu(_HALF, _QUARTER, 2),
                    conv_bn_relu(_QUARTER, _QUARTER),
                    conv_bn_relu(_QUARTER, _QUARTER),
                ),
            ],
            (_HALF, _QUARTER),
        )
        self.down4 = conv_bn_relu(_QUARTER, _HALF, kernel=1)
        self.join2 = conv_bn_relu(_HALF, _HALF)
        self.head = nn.Conv2d(_HALF, 8, 3, padding=1)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, image: Tensor) -> DetailOutput:
        """h and w are multiples of 4."""
        photo, coarse, front, back = image[:, :3], image[:, 3:4], image[:, 4:7], image[:, 7:]
        across = front - back
        contrast = (across * across).sum(1, keepdim=True)
        from_back = photo - back
        share = (from_back * across).sum(1, keepdim=True) / (contrast + _LEAST_CONTRAST)
        share = share.clamp(0, 1)
        rest = (from_back - share * across).abs().mean(1, keepdim=True)
        fine = torch.cat([photo * 2 - 1, coarse * 2 - 1, share * 2 - 1, 4 * rest], 1)
        wide = torch.cat([front * 2 - 1, back * 2 - 1, contrast], 1)
        at2, at4 = self.encoder(torch.cat([F.pixel_unshuffle(fine, 2), F.avg_pool2d(wide, 2)], 1))
        joined = self.join2(at2 + upsample_like(self.down4(at4), at2))
        both = F.pixel_shuffle(self.head(joined), 2)
        belief, added = both[:, :1], both[:, 1:]
        return DetailOutput(coarse + (belief - 2).sigmoid() * (share - coarse) + added, coarse)


class DetailExport(nn.Module):
    """The form that ships: output `alpha` (n, 1, h, w) in [0, 1], sharpened."""

    outputs = ("alpha",)

    def __init__(self, network: DetailNetwork, _: float = 1.0) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor]:
        """Planes (n, 10, h, w) in [0, 1] -> alpha."""
        out = self.network(image)
        return (sharpen(out.alpha.clamp(0, 1), out.coarse),)


def sharpen(alpha: Tensor, coarse: Tensor) -> Tensor:
    """Move alpha toward 0 and 1: a cubic that keeps 0, .5 and 1, and the order.

    In doubt a network answers with a mean, which is softer than the photo. Where the coarse alpha
    is certain, alpha is moved more: a change there is either decided or faint, so that no haze
    lies along outlines of cloth.

    Parameters
    ----------
    alpha, coarse : Tensor
        (n, 1, h, w) in [0, 1].

    Returns
    -------
    Tensor
        (n, 1, h, w) in [0, 1].

    Notes
    -----
    The slopes at .5 were chosen on held-out training photos, from nine variants. Each cell gives
    MAE and gradient error; for the composites with strands, MAE in the band and gradient error.

    ============================  ===========  ============  ============
    slope in doubt, where sure    40 street    32 Flickr     30 strands
    ============================  ===========  ============  ============
    portrait network alone        .0135   8.2  .0169   12.3  .1006   28.3
    1, 1                          .0140   7.9  .0168   11.4  .0929   24.5
    1.2, 1.2                      .0137   8.1  .0164   11.7  .0937   25.3
    1.2, 1.5                      .0135   8.1  .0162   11.7  .0941   25.6
    1.3, 1.5                      .0134   8.2  .0161   11.9  .0945   26.1
    ============================  ===========  ============  ============
    """
    doubt = (torch.minimum(coarse, 1 - coarse) / _DOUBT).clamp(0, 1)
    slope = _CERTAIN_SLOPE + (_DOUBT_SLOPE - _CERTAIN_SLOPE) * doubt
    return alpha + (2 * slope - 2) * alpha * (1 - alpha) * (2 * alpha - 1)
