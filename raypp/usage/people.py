"""People followed from frame to frame, without names and without looks: by where their boxes are and were going.

A person's number means nothing but that these boxes are one person's. Numbers restart with each stream.
"""

from collections.abc import Sequence
from math import hypot, log
from typing import NamedTuple

from raypp.usage.body import Body
from raypp.usage.wearing import Wearing

MOST_PEOPLE = 64
"""People who are followed at a time on one camera; those not seen for longest give way."""
_NEAR, _PACE, _FURTHEST = 0.25, 0.6, 0.8
"""How far from its expected place a person's box may be, in heights of the body: at once, more a second, at most."""
_GLIDE_S = 1.0
"""For so long somebody who is not seen is thought to go on as before."""
_SMOOTH_S = 0.4
_SIZES = 1.5
"""Weight of an unexpected size beside distance."""
_UNLIKE = 0.35
"""Largest difference of sizes that may be one person's, as a logarithm."""
_UNSEEN = 0.03
"""Somebody who was seen on the frame before comes first by so much."""


class PersonTrack(NamedTuple):
    """One person who is followed. Lengths are in widths of the image.

    Attributes:
        number: from 1, in the order in which people come.
        body: as last seen.
        across, down: velocity of its feet, in widths a second.
        growth: of the logarithm of its height, in a second.
        first_us, seen_us: when first and last seen.
        missing_us: since when not seen; None while seen.
        is_blind: whether the camera was blind since then.
        zones: numbers of the zones in which its feet are, or were when last seen.
        worn: for each item what is known.
    """

    number: int
    body: Body
    across: float
    down: float
    growth: float
    first_us: int
    seen_us: int
    missing_us: int | None
    is_blind: bool
    zones: tuple[int, ...]
    worn: tuple[Wearing, ...]


def matches(tracks: Sequence[PersonTrack], bodies: Sequence[Body], at_us: int) -> dict[int, int]:
    """Say whose bodies these are.

    The nearest pair comes first, ties by coordinates: so the order of bodies does not matter.

    Args:
        tracks: everybody followed.
        bodies: everybody found.
        at_us: when.

    Returns:
        Index of a body for indices of tracks.
    """
    pairs = []
    logs = [log(body.height) for body in bodies]
    for place, track in enumerate(tracks):
        since_s = (at_us - track.seen_us) / 1e6
        glide = min(since_s, _GLIDE_S)
        was = track.body
        x = (was.left + was.right) / 2 + track.across * glide
        y = was.bottom + track.down * glide
        tall = log(was.height) + track.growth * glide
        reach = min(_NEAR + _PACE * since_s, _FURTHEST) * was.height
        unseen = _UNSEEN if track.missing_us is not None else 0.0
        for number, body in enumerate(bodies):
            away = hypot((body.left + body.right) / 2 - x, body.bottom - y)
            unlike = abs(logs[number] - tall)
            if away <= reach and unlike <= _UNLIKE:
                cost = away / was.height + _SIZES * unlike + unseen
                pairs.append((cost, body[:4], place, number))
    pairs.sort()
    pairs_of: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, place, number in pairs:
        if place not in pairs_of and number not in taken:
            pairs_of[place] = number
            taken.add(number)
    return pairs_of


def moved(track: PersonTrack, body: Body, at_us: int, zones: tuple[int, ...], worn: tuple[Wearing, ...]) -> PersonTrack:
    """Return the track of somebody who was found on a frame.

    Args:
        track: as it was.
        body: that was found.
        at_us: when.
        zones: in which its feet are.
        worn: what is known about each item.
    """
    was = track.body
    since_s = (at_us - track.seen_us) / 1e6
    across, down, growth = track.across, track.down, track.growth
    if since_s > 0:
        share = min(since_s / (since_s + _SMOOTH_S) * 2, 1.0)
        across += share * (((body.left + body.right) - (was.left + was.right)) / 2 / since_s - across)
        down += share * ((body.bottom - was.bottom) / since_s - down)
        growth += share * (log(body.height / was.height) / since_s - growth)
    return PersonTrack(track.number, body, across, down, growth, track.first_us, at_us, None, False, zones, worn)


def has_left(track: PersonTrack) -> bool:
    """Say whether a person who is not seen was on the way out of the image."""
    body = track.body
    return (body.left <= 0.01 and track.across < 0) or (body.right >= 0.99 and track.across > 0)
