"""The network of people: a photo in, where people are and which head each pixel belongs to out.

Every pixel votes for the middle of a head, and a map shows the heads: Panoptic-DeepLab (Cheng et
al. 2020), with heads in place of centers of mass, because people who overlap rarely hide heads.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .encoders import ENCODERS, Encoder, conv_bn_relu
from .matte import separable_conv, upsample_like

_WIDTH = 96
"""Channels of the maps that see far."""


class PeopleLogits(NamedTuple):
    """What training supervises: logits of `person` and `head`, and the vote of each pixel.

    person (n, 1, h/2, w/2), head (n, 1, h/4, w/4), vote (n, 2, h/4, w/4): x, y from a pixel to the
    middle of the head, as shares of `VOTE_REACH_PX`.
    """

    person: Tensor
    head: Tensor
    vote: Tensor


VOTE_REACH_PX = 64.0
"""Pixels of the input that a vote of 1 stands for."""


class PeopleNetwork(nn.Module):
    """Picture in [0, 1] -> people, heads, votes.

    `encoder` names a family of `encoders.ENCODERS`, of which four stages are used.
    """

    def __init__(self, encoder: str = "lite0") -> None:
        super().__init__()
        whole = ENCODERS[encoder]()
        self.encoder = Encoder(list(whole.stages)[:4], whole.channels[:4])
        c2, c4, c8, c16 = self.encoder.channels
        self.top = conv_bn_relu(c16, _WIDTH, kernel=1)
        self.gate = nn.Sequential(nn.Conv2d(c16, _WIDTH, 1), nn.Hardsigmoid())
        self.far = nn.Sequential(
            separable_conv(_WIDTH, _WIDTH, 5), separable_conv(_WIDTH, _WIDTH, 5)
        )
        self.context = separable_conv(_WIDTH, _WIDTH, 5)
        self.side8 = conv_bn_relu(c8, _WIDTH, kernel=1)
        self.join8 = separable_conv(_WIDTH, 64, 5)
        self.side4 = conv_bn_relu(c4, 64, kernel=1)
        self.join4 = separable_conv(64, 48, 5)
        self.head_branch = nn.Sequential(separable_conv(48, 32, 5), nn.Conv2d(32, 1, 1))
        self.vote_branch = nn.Sequential(
            separable_conv(48, 48, 5), separable_conv(48, 32, 5), nn.Conv2d(32, 2, 1)
        )
        self.side2 = conv_bn_relu(c2 + 3, 24, kernel=1)
        self.down4 = conv_bn_relu(48, 24, kernel=1)
        self.person_branch = nn.Sequential(separable_conv(24, 16), nn.Conv2d(16, 1, 1))
        # Few pixels are heads: a network that says so from the start learns faster.
        nn.init.constant_(self.head_branch[-1].bias, -4.0)  # type: ignore[arg-type]

    def forward(self, image: Tensor) -> PeopleLogits:
        """(n, 3, h, w) in [0, 1], h and w multiples of 32 -> logits and votes."""
        centered = image * 2 - 1
        at2, at4, at8, at16 = self.encoder(centered)
        x = self.top(at16) * self.gate(at16.mean((2, 3), keepdim=True))
        x = x + upsample_like(self.far(F.avg_pool2d(x, 2)), x)
        x = x + self.context(x)
        x = self.join8(upsample_like(x, at8) + self.side8(at8))
        x = self.join4(upsample_like(x, at4) + self.side4(at4))
        half = torch.cat([at2, F.avg_pool2d(centered, 2)], 1)
        fine = upsample_like(self.down4(x), at2) + self.side2(half)
        return PeopleLogits(self.person_branch(fine), self.head_branch(x), self.vote_branch(x))


class PeopleExport(nn.Module):
    """The form that ships: `person`, `head` in [0, 1], `vote_x`, `vote_y` in pixels, (n, 1, h, w).

    `sharpness` multiplies the logits of `person`.
    """

    outputs = ("person", "head", "vote_x", "vote_y")

    def __init__(self, network: PeopleNetwork, sharpness: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.sharpness = sharpness

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(n, 3, h, w) in [0, 1] -> person, head, and the way to the middle of the head."""
        logits = self.network(image)
        vote = upsample_like(logits.vote * VOTE_REACH_PX, image)
        return (
            (self.sharpness * upsample_like(logits.person, image)).sigmoid(),
            upsample_like(logits.head, image).sigmoid(),
            vote[:, :1],
            vote[:, 1:],
        )
