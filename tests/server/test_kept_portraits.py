"""Previews keep what effects share, and look as if they kept nothing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from depthmatte import Portrait
from depthmatte.effects import EFFECTS
from depthmatte.server.kept_portraits import scale_portrait


@pytest.fixture(scope="module")
def large() -> Portrait:
    """A portrait with a soft edge."""
    rgb = cv2.resize(skimage.data.astronaut(), (300, 240))
    alpha = np.zeros((240, 300), np.float32)
    cv2.ellipse(alpha, (130, 130), (70, 100), 0, 0, 360, 1, -1)
    return Portrait.from_arrays(rgb, cv2.GaussianBlur(alpha, (0, 0), 3))


@pytest.mark.parametrize("name", [name for name in EFFECTS if name != "place"])
def test_previews_look_like_portraits_of_their_size(large: Portrait, name: str) -> None:
    small = scale_portrait(large, 200)
    plain = Portrait.from_arrays(small.photo.rgb, small.alpha)
    for options in ({}, {"strength": 0.9}, {"strength": 0.3}):
        if options and name not in ("blur", "beautify"):
            continue
        effect = EFFECTS[name](**options)
        assert (effect(small) == effect(plain)).all()
