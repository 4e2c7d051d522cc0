"""So many streams a site, each camera once, and no place is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypp.serving.registry import Registry, StreamPlace
from raypp.serving.status import Status, StatusError


def test_a_site_has_so_many_streams_and_others_are_unharmed() -> None:
    registry = Registry(most=2)
    first, _ = registry.enter("a", "1"), registry.enter("a", "2")
    with pytest.raises(StatusError, match="site a has 2 streams open") as caught:
        registry.enter("a", "3")
    assert caught.value.status is Status.RESOURCE_EXHAUSTED
    registry.enter("b", "1")
    registry.leave(first)
    registry.enter("a", "3")
    assert (len(registry), registry.sites) == (3, 2)


def test_a_camera_that_opens_anew_takes_its_own_place_even_where_none_is_free() -> None:
    registry = Registry(most=1)
    before = registry.enter("a", "1")
    after = registry.enter("a", "1")
    assert not before.taken_over, "it is not known yet whether the later one's stream can be opened"
    registry.take_over(after)
    assert (before.taken_over, after.taken_over) == (True, False)
    registry.leave(before)
    assert len(registry) == 1, "the earlier connection does not take the later one's place away"
    registry.leave(after)
    assert len(registry) == 0


def test_a_try_that_is_refused_takes_nothing_from_the_connection_before() -> None:
    registry = Registry(most=1)
    good, refused = registry.enter("a", "1"), registry.enter("a", "1")
    registry.leave(refused)
    assert (good.taken_over, len(registry)) == (False, 1)
    registry.take_over(good)
    assert not good.taken_over


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("1234"), st.booleans()), max_size=40))
def test_places_are_counted_whatever_comes_and_goes(steps: list[tuple[str, str, bool]]) -> None:
    registry, held = Registry(most=3), dict[tuple[str, str], list[StreamPlace]]()
    for site, camera, enters in steps:
        mine = [name for name in held if name[0] == site]
        if enters and (len(mine) < 3 or (site, camera) in held):
            held.setdefault((site, camera), []).append(registry.enter(site, camera))
        elif enters:
            with pytest.raises(StatusError):
                registry.enter(site, camera)
        elif (site, camera) in held:
            registry.leave(held[site, camera].pop())
            if not held[site, camera]:
                del held[site, camera]
        assert len(registry) == len(held)
    for places in held.values():
        for place in places:
            registry.leave(place)
    assert (len(registry), registry.sites) == (0, 0)
