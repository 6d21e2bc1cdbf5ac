"""The network behind the fusion `adaptive`: which pixels belong to the subject.

It reads the maps of `fusion.inputs`. Colors are among them, so that it can find the subject's
outline inside a soft depth map. It is a small U-Net at a quarter of the canvas size. Its deepest
level is gated by the mean over the scene.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...fusion.inputs import BLOCK_SIDE_PX, FUSION_INPUTS
from .encoders import Encoder, conv_bn_relu
from .matte import separable_conv, upsample_like

_VERDICT_THRESHOLD = 0.35
"""Disagreement with alpha up to which alpha stays as it is, soft edges included."""

_VERDICT_RAMP = 0.3
"""From _VERDICT_THRESHOLD to _VERDICT_THRESHOLD + _VERDICT_RAMP the verdict takes over."""

_DEPTH_REACH_BLOCKS = 41
"""Side, in blocks, of the square around measured depth in which the verdict may change alpha."""

_SOFT_EDGE_WINDOW_PX = 9
"""Side, in canvas pixels, of the square in which the soft edge of a removed region goes too."""


class FusionOutput(NamedTuple):
    """`logits` of belonging (n, 1, h/4, w/4) and the fused `alpha` (n, 1, h, w)."""

    logits: Tensor
    alpha: Tensor


class FusionNetwork(nn.Module):
    """Maps (n, 9, h, w), h and w multiples of 32 -> FusionOutput."""

    def __init__(self, encoder: str = "") -> None:
        super().__init__()
        self.encoder = Encoder(
            [
                nn.Sequential(conv_bn_relu(FUSION_INPUTS, 24), conv_bn_relu(24, 24)),
                nn.Sequential(conv_bn_relu(24, 64, 2), conv_bn_relu(64, 64)),
                nn.Sequential(
                    conv_bn_relu(64, 96, 2), separable_conv(96, 96, 5), separable_conv(96, 96, 5)
                ),
            ],
            (24, 64, 96),
        )
        self.whole = nn.Conv2d(96, 96, 1)
        self.bottom = separable_conv(96, 96, 5)
        self.down16 = conv_bn_relu(96, 64, kernel=1)
        self.join8 = conv_bn_relu(64, 64)
        self.down8 = conv_bn_relu(64, 24, kernel=1)
        self.join4 = conv_bn_relu(24, 24)
        self.head = nn.Conv2d(24, 1, 3, padding=1)

    def forward(self, features: Tensor) -> FusionOutput:
        """Verdict and fused alpha; where no depth is near, alpha is the matte's own."""
        logits = self.verdict(pool_features(features))
        return FusionOutput(logits, apply_verdict(features[:, :1], logits, features[:, 4:5]))

    def verdict(self, seen: Tensor) -> Tensor:
        """Pooled maps (n, FUSION_INPUTS, h/4, w/4) -> logits of belonging (n, 1, h/4, w/4)."""
        at4, at8, at16 = self.encoder(seen)
        bottom = at16 * self.whole(at16.mean((2, 3), keepdim=True)).sigmoid()
        bottom = bottom + self.bottom(bottom)
        up8 = self.join8(at8 + upsample_like(self.down16(bottom), at8))
        up4 = self.join4(at4 + upsample_like(self.down8(up8), at4))
        logits: Tensor = self.head(up4)
        return logits


def pool_features(features: Tensor) -> Tensor:
    """`fusion.inputs.pool_blocks` in torch: (n, 9, h, w) -> (n, FUSION_INPUTS, h/4, w/4)."""
    return torch.cat(
        [F.avg_pool2d(features, BLOCK_SIDE_PX), F.max_pool2d(features, BLOCK_SIDE_PX)], 1
    )


def apply_verdict(alpha: Tensor, logits: Tensor, measured: Tensor) -> Tensor:
    """Alpha with the verdict's changes, differentiable.

    This is a simple form of `region_decision.apply_foreground`. One threshold holds both for
    removing and for restoring. Depth of single pixels and connected regions are not used.
    `alpha` and `measured` (1 where depth was measured) are (n, 1, h, w).
    """
    verdict = upsample_like(logits.sigmoid(), alpha)
    blurred = upsample_like(F.avg_pool2d(alpha, BLOCK_SIDE_PX), alpha)
    known = upsample_like(
        _max_filter(F.max_pool2d(measured, BLOCK_SIDE_PX), _DEPTH_REACH_BLOCKS), alpha
    )
    lost = torch.maximum(
        blurred - verdict,
        _max_filter(blurred, _SOFT_EDGE_WINDOW_PX) - _max_filter(verdict, _SOFT_EDGE_WINDOW_PX),
    )
    drop = ((lost - _VERDICT_THRESHOLD) / _VERDICT_RAMP).clamp(0, 1) * known
    gain = ((verdict - blurred - _VERDICT_THRESHOLD) / _VERDICT_RAMP).clamp(0, 1) * known
    sharpened = ((verdict - 0.5) * BLOCK_SIDE_PX + 0.5).clamp(0, 1)
    fused = alpha + drop * (torch.minimum(sharpened, alpha) - alpha)
    return fused + gain * (torch.maximum(sharpened, fused) - fused)


def _max_filter(x: Tensor, side: int) -> Tensor:
    """The maximum in a square, rows then columns: at a fraction of its cost."""
    rows = F.max_pool2d(x, (1, side), 1, (0, side // 2))
    return F.max_pool2d(rows, (side, 1), 1, (side // 2, 0))


class FusionExport(nn.Module):
    """The form that ships: `fusion.inputs.pool_blocks` -> foreground probability, same size.

    `region_decision.apply_foreground` decides at run time how far the verdict is followed.
    """

    outputs = ("verdict",)

    def __init__(self, network: FusionNetwork, _: float = 1.0) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor]:
        """Pooled maps (n, FUSION_INPUTS, h, w) -> verdict (n, 1, h, w) in [0, 1]."""
        return (self.network.verdict(image).sigmoid(),)
