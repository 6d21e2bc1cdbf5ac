"""The network of parts: a photo and the person's alpha in, which part of her each pixel is out.

An encoder of four stages, the last one short, and a decoder that joins its maps top-down (a U-Net,
Ronneberger et al. 2015) with depthwise separable convolutions. The decoder sees alpha at each size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...values import PART_NAMES
from .encoders import ENCODERS, Encoder, conv_bn_relu
from .matte import separable_conv, upsample_like

_LAST_BLOCKS = 4
"""Blocks of the encoder's fourth stage that are kept."""


def shorten_encoder(encoder: Encoder) -> Encoder:
    """The first three stages of an encoder, and the first blocks of the fourth."""
    *first, last = list(encoder.stages)[:4]
    kept = nn.Sequential(*list(last.children())[:_LAST_BLOCKS])
    widths = [one.out_channels for one in kept.modules() if isinstance(one, nn.Conv2d)]
    return Encoder([*first, kept], (*encoder.channels[:3], widths[-1]))


class PartsNetwork(nn.Module):
    """Picture and alpha in [0, 1] -> logits of the parts of the person.

    `encoder` names a family of `encoders.ENCODERS`. Normalization x * 2 - 1 is the first layer.
    """

    def __init__(self, encoder: str = "lite0") -> None:
        super().__init__()
        self.encoder = shorten_encoder(ENCODERS[encoder]())
        c2, c4, c8, c16 = self.encoder.channels
        self.top = conv_bn_relu(c16 + 1, 72, kernel=1)
        self.gate = nn.Sequential(nn.Conv2d(c16, 72, 1), nn.Hardsigmoid())
        self.context = separable_conv(72, 72, 5)
        self.side8 = conv_bn_relu(c8 + 1, 72, kernel=1)
        self.join8 = separable_conv(72, 48, 5)
        self.side4 = conv_bn_relu(c4 + 1, 48, kernel=1)
        self.join4 = separable_conv(48, 32, 5)
        self.side2 = conv_bn_relu(c2 + 4, 32, kernel=1)
        self.join2 = separable_conv(32, 24)
        self.down2 = conv_bn_relu(24, 8, kernel=1)
        self.join1 = conv_bn_relu(8 + 4, 8)
        self.head = nn.Conv2d(24, len(PART_NAMES), 1)
        self.detail_head = nn.Conv2d(8, len(PART_NAMES), 1)

    def forward(self, image: Tensor) -> Tensor:
        """(n, 4, h, w) in [0, 1]: RGB, then alpha; h and w multiples of 16 -> (n, parts, h, w)."""
        centered = image * 2 - 1
        at2, at4, at8, at16 = self.encoder(centered[:, :3])
        alphas = [image[:, 3:]]
        for _ in range(4):
            alphas.append(F.avg_pool2d(alphas[-1], 2))
        x = self.top(torch.cat([at16, alphas[4]], 1)) * self.gate(at16.mean((2, 3), keepdim=True))
        x = x + self.context(x)
        x = self.join8(upsample_like(x, at8) + self.side8(torch.cat([at8, alphas[3]], 1)))
        x = self.join4(upsample_like(x, at4) + self.side4(torch.cat([at4, alphas[2]], 1)))
        half = F.avg_pool2d(centered, 2)
        x = self.join2(upsample_like(x, at2) + self.side2(torch.cat([at2, half], 1)))
        detail = self.join1(torch.cat([upsample_like(self.down2(x), image), centered], 1))
        logits: Tensor = upsample_like(self.head(x), image) + self.detail_head(detail)
        return logits


class PartsExport(nn.Module):
    """The form that ships: an output (n, 1, h, w) for each part; they add up to 1.

    `sharpness` multiplies the logits.
    """

    outputs = PART_NAMES

    def __init__(self, network: PartsNetwork, sharpness: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.sharpness = sharpness

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(n, 4, h, w) in [0, 1] -> the share of each part."""
        shares = (self.sharpness * self.network(image)).softmax(1)
        return tuple(shares[:, index : index + 1] for index in range(len(PART_NAMES)))
