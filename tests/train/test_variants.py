import numpy as np
import pytest

from raypp.detect.inputs.variants import chosen_variants


def _rows(frames: int, variants: int) -> dict[str, np.ndarray]:
    """Rows as they lie in shards: frames of 3 sources, each followed by its variants."""
    frame, variant = np.divmod(np.arange(frames * (1 + variants)), 1 + variants)
    return {
        "source_N": np.array([f"video{number % 3}" for number in frame], dtype=object),
        "timestamp_us_N": frame // 3 * 40_000,
        "variant_N": variant.astype(np.int8),
        "variants_N": np.full(len(frame), variants, dtype=np.int8),
    }


@pytest.mark.parametrize("variants", [0, 1, 3, 16])
def test_an_epoch_uses_each_frame_once(variants: int) -> None:
    used = chosen_variants(**_rows(90, variants), seed=1, epoch=2)
    assert used.dtype == np.bool_
    assert (used.reshape(90, 1 + variants).sum(axis=1) == 1).all()


def test_frames_without_variants_are_used_beside_those_with_them() -> None:
    with_variants, without = _rows(30, 3), _rows(30, 0)
    together = {name: np.concatenate([values, without[name]]) for name, values in with_variants.items()}
    used = chosen_variants(**together, seed=0, epoch=0)
    assert used[:120].sum() == 30
    assert used[120:].all()


def test_the_choice_is_of_the_frame_alone_however_rows_are_split_or_ordered() -> None:
    rows = _rows(60, 3)
    whole = chosen_variants(**rows, seed=5, epoch=1)
    order = np.random.default_rng(0).permutation(len(whole))
    parts = [
        chosen_variants(**{k: v[part] for k, v in rows.items()}, seed=5, epoch=1) for part in np.array_split(order, 7)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole[order])
    as_lists = {name: values.tolist() for name, values in rows.items()}
    np.testing.assert_array_equal(chosen_variants(**as_lists, seed=5, epoch=1), whole)


def test_epochs_and_seeds_choose_afresh_and_use_all_versions_alike() -> None:
    rows = _rows(400, 3)
    picks = np.array(
        [rows["variant_N"][chosen_variants(**rows, seed=seed, epoch=epoch)] for seed in (0, 1) for epoch in range(4)]
    )
    shares = np.array([np.bincount(row, minlength=4) for row in picks]) / 400
    assert (abs(shares - 0.25) < 0.1).all()
    for other in picks[1:]:
        assert 0.15 < (other == picks[0]).mean() < 0.35, "as for choices that know nothing of each other"


def test_a_choice_is_the_same_for_ever() -> None:
    rows = _rows(20, 3)
    picks = rows["variant_N"][chosen_variants(**rows, seed=0, epoch=0)]
    assert picks.tolist() == [2, 0, 0, 2, 0, 2, 0, 3, 0, 2, 1, 2, 0, 2, 3, 2, 3, 3, 1, 2]


def test_no_rows_are_no_choice() -> None:
    assert chosen_variants([], [], [], [], seed=0, epoch=0).shape == (0,)
