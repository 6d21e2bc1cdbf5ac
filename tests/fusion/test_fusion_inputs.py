"""What the fusion network sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from depthmatte.errors import InputError
from depthmatte.fusion.inputs import _FUSION_CHANNELS, HALF, stack_features
from depthmatte.values import Depth, Matte
from fusion_scenes import UNIT, maps, row


@given(maps(4), UNIT)
def test_features_stay_in_range_and_are_blank_without_depth(values: Any, at: float) -> None:
    alpha, prob, z, sure = values
    stack = stack_features(Matte(alpha, prob), Depth(z, sure), at)
    assert stack.shape == (_FUSION_CHANNELS, *alpha.shape)
    assert stack.dtype == np.float32
    assert 0 <= stack.min() <= stack.max() <= 1
    assert not stack[2:6, sure == 0].any()
    assert (stack[6:] == HALF).all()  # nobody said what it was cut from


@given(maps(5))
def test_features_show_the_colors_that_the_matte_was_cut_from(values: Any) -> None:
    alpha, prob, *colors = values
    seen = Matte(alpha, prob, np.stack(colors))
    np.testing.assert_array_equal(stack_features(seen, Depth.none(alpha.shape), 0.5)[6:], seen.rgb)


def test_colors_of_another_size_are_refused() -> None:
    with pytest.raises(InputError, match="rgb must be"):
        Matte(row(1, 1), row(1, 1), np.zeros((3, 2, 2), np.float32))
