import numpy as np
import pytest

from raypp.veil.view import component_view


@pytest.mark.parametrize("channels", [1, 2, 3, 8])
def test_codes_of_any_number_of_channels_become_images(channels: int) -> None:
    codes = list(np.random.default_rng(channels).integers(0, 8, (4, channels, 6, 9), dtype=np.uint8))
    views = component_view(codes)
    assert [view.shape for view in views] == [(6, 9, 3)] * 4
    assert all(view.dtype == np.uint8 for view in views)
    red, green, blue = np.stack(views).reshape(-1, 3).T
    assert np.array_equal(red, green) == (channels == 1)
    assert np.array_equal(green, blue) == (channels < 3)
    assert len(np.unique(red)) > 4
