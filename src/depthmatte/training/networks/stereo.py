"""The stereo depth network.

A feature branch sees both views through one encoder; a cost-volume branch compares their
features at every disparity (group-wise correlation, Guo et al. 2019); a joint filter
aggregates the volume in 3-D under gates from the left view's features (Bangunharcana et
al. 2021). Three convolutions and a soft argmax give the disparity, which the left view
enlarges by learned convex weights (Teed & Deng 2020). Convolutions and a softmax give the
depth probability.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .encoders import ENCODERS, conv_bn_relu
from .matte import separable_conv, upsample_like

VOLUME_STRIDE = 4
"""The volume stands at a quarter of the input's size."""

DISPARITY_LEVELS = 32
"""Disparities in the volume, one every VOLUME_STRIDE pixels."""

MAX_DISPARITY = DISPARITY_LEVELS * VOLUME_STRIDE
"""Pixels of disparity the network can see."""

CORRELATION_GROUPS = 4
FEATURE_CHANNELS = 32

DISPARITY_TOLERANCE = 2.0
"""The depth probability is that of a true disparity within this many pixels."""


class StereoOutput(NamedTuple):
    """`logits` (n, DISPARITY_LEVELS, h/4, w/4) over disparities, `sure` (n, 2, h/4, w/4) wrong or
    right, `coarse` (n, 1, h/4, w/4) and `disparity` (n, 1, h, w) in pixels of the input.
    """

    logits: Tensor
    sure: Tensor
    coarse: Tensor
    disparity: Tensor


def _conv3d(inward: int, outward: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    """3-D convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv3d(inward, outward, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm3d(outward, momentum=0.05),
        nn.ReLU(True),
    )


def correlation_volume(left: Tensor, right: Tensor) -> Tensor:
    """Features (n, c, h, w) of both views -> similarity.

    The similarity has the shape (n, CORRELATION_GROUPS, DISPARITY_LEVELS, h, w).

    At level k the left pixel x meets the right pixel x - k; beyond the border it is 0.
    """
    n, channels, height, width = left.shape
    padded = F.pad(right, (DISPARITY_LEVELS - 1, 0))
    levels = []
    for level in range(DISPARITY_LEVELS):
        start = DISPARITY_LEVELS - 1 - level
        moved = padded[..., start : -level or None]
        product = (left * moved).reshape(
            n, CORRELATION_GROUPS, channels // CORRELATION_GROUPS, height, width
        )
        levels.append(product.mean(2))
    return torch.stack(levels, 2)


class StereoFeatures(nn.Module):
    """Encoder maps at strides 4, 8 and 16 joined top-down: (n, FEATURE_CHANNELS, h/4, w/4)."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        _, c4, c8, c16 = channels[:4]
        self.side16 = conv_bn_relu(c16, 64, kernel=1)
        self.side8 = conv_bn_relu(c8, 48, kernel=1)
        self.down16 = conv_bn_relu(64, 48, kernel=1)
        self.join8 = separable_conv(48, 48)
        self.side4 = conv_bn_relu(c4, FEATURE_CHANNELS, kernel=1)
        self.down8 = conv_bn_relu(48, FEATURE_CHANNELS, kernel=1)
        self.join4 = conv_bn_relu(FEATURE_CHANNELS, FEATURE_CHANNELS)

    def forward(self, maps: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Four encoder maps -> features at strides 4, 8, 16."""
        _, c4, c8, c16 = maps[:4]
        at16 = self.side16(c16)
        at8 = self.join8(self.side8(c8) + upsample_like(self.down16(at16), c8))
        at4 = self.join4(self.side4(c4) + upsample_like(self.down8(at8), c4))
        return at4, at8, at16


class VolumeGate(nn.Module):
    """Scales a volume by what the left view shows: (n, c, d, h, w) times (n, c, 1, h, w)."""

    def __init__(self, features: int, channels: int) -> None:
        super().__init__()
        self.weigh = nn.Conv2d(features, channels, 1)

    def forward(self, volume: Tensor, features: Tensor) -> Tensor:
        """The gated volume."""
        gated: Tensor = volume * self.weigh(features).sigmoid().unsqueeze(2)
        return gated


class JointFilter(nn.Module):
    """Volume and left features -> logits over disparities, an hourglass in 3-D."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.enter = _conv3d(CORRELATION_GROUPS, width)
        self.gate4 = VolumeGate(FEATURE_CHANNELS, width)
        self.shrink8 = nn.Sequential(_conv3d(width, 2 * width, 2), _conv3d(2 * width, 2 * width))
        self.gate8 = VolumeGate(48, 2 * width)
        self.shrink16 = nn.Sequential(
            _conv3d(2 * width, 4 * width, 2), _conv3d(4 * width, 4 * width)
        )
        self.gate16 = VolumeGate(64, 4 * width)
        self.widen8 = _conv3d(4 * width, 2 * width, kernel=1)
        self.join8 = _conv3d(2 * width, 2 * width)
        self.widen4 = _conv3d(2 * width, width, kernel=1)
        self.head = nn.Sequential(
            _conv3d(width, width), _conv3d(width, width), nn.Conv3d(width, 1, 3, 1, 1)
        )

    def forward(self, volume: Tensor, features: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Similarity (see `correlation_volume`) -> logits (n, DISPARITY_LEVELS, h, w)."""
        at4, at8, at16 = features
        v4 = self.gate4(self.enter(volume), at4)
        v8 = self.gate8(self.shrink8(v4), at8)
        v16 = self.gate16(self.shrink16(v8), at16)
        v8 = self.join8(v8 + _upsample_volume(self.widen8(v16)))
        logits: Tensor = self.head(v4 + _upsample_volume(self.widen4(v8))).squeeze(1)
        return logits


def _upsample_volume(volume: Tensor) -> Tensor:
    """Twice as many disparities, rows and columns."""
    return F.interpolate(volume, scale_factor=2.0, mode="nearest")


def soft_argmax(logits: Tensor) -> Tensor:
    """Logits (n, DISPARITY_LEVELS, h, w) -> disparity (n, 1, h, w) in input pixels."""
    levels = torch.arange(DISPARITY_LEVELS, device=logits.device, dtype=logits.dtype).view(
        1, -1, 1, 1
    )
    return (logits.softmax(1) * levels).sum(1, keepdim=True) * VOLUME_STRIDE


class ConvexUpsample(nn.Module):
    """Each full-size pixel is a convex mix of the nine coarse ones around it."""

    def __init__(self) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            conv_bn_relu(FEATURE_CHANNELS + 3 * VOLUME_STRIDE**2, 64),
            nn.Conv2d(64, 9 * VOLUME_STRIDE**2, 1),
        )

    def forward(self, coarse: Tensor, features: Tensor, image: Tensor) -> Tensor:
        """(n, 1, h, w), features at the same size, image (n, 3, 4h, 4w) -> (n, 1, 4h, 4w)."""
        n, _, height, width = coarse.shape
        weights = self.weigh(torch.cat([features, F.pixel_unshuffle(image, VOLUME_STRIDE)], 1))
        weights = weights.view(n, 9, VOLUME_STRIDE**2, height, width).softmax(1)
        around = F.pad(coarse, (1, 1, 1, 1), mode="replicate")
        nine = [
            around[:, :, y : y - 2 or None, x : x - 2 or None] for y in range(3) for x in range(3)
        ]
        mixed = (weights * torch.cat(nine, 1).unsqueeze(2)).sum(1)
        return F.pixel_shuffle(mixed, VOLUME_STRIDE)


class StereoNetwork(nn.Module):
    """A rectified pair in [0, 1], left then right in six channels -> StereoOutput."""

    def __init__(self, encoder: str = "lite0") -> None:
        super().__init__()
        self.encoder = ENCODERS[encoder]()
        del self.encoder.stages[4:]  # matching needs detail, not the widest view
        self.features = StereoFeatures(self.encoder.channels)
        self.match = nn.Conv2d(FEATURE_CHANNELS, FEATURE_CHANNELS, 1)
        self.joint = JointFilter()
        self.enlarge = ConvexUpsample()
        self.sure = nn.Sequential(
            conv_bn_relu(FEATURE_CHANNELS + 3, 16), conv_bn_relu(16, 16), nn.Conv2d(16, 2, 1)
        )

    def forward(self, image: Tensor) -> StereoOutput:
        """Pair (n, 6, h, w), h and w multiples of 32; disparity belongs to the left view."""
        n = image.shape[0]
        views = torch.cat([image[:, :3], image[:, 3:]], 0) * 2 - 1
        features = self.features(self.encoder(views))
        matched = F.normalize(self.match(features[0]), dim=1) * FEATURE_CHANNELS**0.5
        at4, at8, at16 = features[0][:n], features[1][:n], features[2][:n]
        volume = correlation_volume(matched[:n], matched[n:])
        logits = self.joint(volume, (at4, at8, at16))
        coarse = soft_argmax(logits)
        sure = self.sure(torch.cat([at4, self._signs(logits, volume)], 1).detach())
        disparity = self.enlarge(coarse, at4, views[:n])
        return StereoOutput(logits, sure, coarse, disparity)

    @staticmethod
    def _signs(logits: Tensor, volume: Tensor) -> Tensor:
        """What tells right from wrong: the peak, the spread, how alike the views are there."""
        share = logits.softmax(1)
        entropy = -(share * logits.log_softmax(1)).sum(1, keepdim=True)
        alike = (share * volume.mean(1)).sum(1, keepdim=True)
        return torch.cat([share.amax(1, keepdim=True), entropy, alike], 1)


class StereoExport(nn.Module):
    """The form that ships: `disparity` in input pixels and `prob`, both (n, 1, h, w).

    `temperature` divides the logits of right or wrong; fitted on held-out pairs.
    """

    outputs = ("disparity", "prob")

    def __init__(self, network: StereoNetwork, temperature: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Pair (n, 6, h, w) in [0, 1] -> disparity, probability of being right."""
        out = self.network(image)
        right = (out.sure / self.temperature).softmax(1)[:, 1:]
        return out.disparity.clamp(min=0), upsample_like(right, out.disparity).clamp(0, 1)
