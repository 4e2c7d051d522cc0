"""A real agent applies what its owner has signed, and nothing else, whatever a hostile service hands over."""

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from raypp.edge.cameras_file import CameraSettings
from raypp.edge.configuration.configurator import Configurator
from raypp.edge.configuration.state import FOLDER, ConfigurationState
from raypp.edge.settings import AgentSettings
from raypp.edge.uplink.connection import ServiceConnection
from raypp.errors import SpoolError
from raypp.io.clock import now_us
from raypp.veil.key import VeilKey
from tests.edge.configured import HOUR_US, MASK, OWNER, Carrier, content_of, signed_content, wanted
from tests.edge.conftest import AgentHere, Site
from tests.edge.live_camera import LiveCamera
from tests.edge.service import wait_until
from tests.videos import make_video

_GOOD = 5


@pytest.fixture
def carrier(site: Site) -> Iterator[Carrier]:
    with Carrier(site.veil_id, size=160) as running:
        yield running


@pytest.fixture
def camera(site: Site) -> Iterator[LiveCamera]:
    with LiveCamera(make_video(site.folder / "video.mp4", seconds=4), times=60) as running:
        yield running


def _settings(camera: LiveCamera, **changed: Any) -> dict[str, CameraSettings]:
    return {"bench-1": CameraSettings.model_validate({"source": camera.url, "fps": 5, "watch": False} | changed)}


def _started(site: Site, carrier: Carrier, camera: LiveCamera, **options: Any) -> AgentHere:
    agent = site.agent_here(carrier.address, _settings(camera), chunk_s=0.5, **options)
    wait_until(lambda: agent.camera().captured > 0 and carrier.report.instance)
    return agent


def _hand_over(carrier: Carrier, document: bytes) -> str:
    carrier.document = document
    wait_until(carrier.has_seen)
    return carrier.refusal


def _moves(carrier: Carrier) -> bool:
    """Whether the two latest frames of the camera differ; waits for two that came from now on."""
    stream = carrier.of("bench-1")[-1]
    newest = max(stream.codes, default=-1)
    wait_until(lambda: sum(index > newest for index in list(stream.codes)) >= 2)
    first, second = sorted(stream.codes)[-2:]
    return not np.array_equal(stream.codes[first], stream.codes[second])


def _state(site: Site) -> ConfigurationState:
    return ConfigurationState.load(site.spool)


def hostile(carrier_sees: bytes) -> dict[str, tuple[bytes, str]]:
    """Documents that an attacker who has the service and the wire hands over, and why each is refused.

    Args:
        carrier_sees: what the owner has signed last, which the attacker has, too.
    """
    open_cameras = {"bench-1": {"masks": [], "fps": "5"}}
    unmasked = wanted(9, cameras=open_cameras)
    good = wanted(9)
    signed = good.sign(OWNER)
    lines = signed.split(b"\n")
    changed = bytes(lines[1]).replace(b"0.5", b"0.1")
    spaced = json.dumps(json.loads(good.canonical()), indent=1).replace("\n", " ").encode()
    past = now_us() - HOUR_US
    foreign = unmasked.sign(VeilKey.generate())
    bare = b"\n".join((lines[0], unmasked.canonical(), b""))
    posing = b"\n".join((lines[0], unmasked.canonical(), lines[2], foreign.split(b"\n")[3], b""))
    return {
        "a mask is taken away, unsigned": (unmasked.canonical(), "UNSIGNED"),
        "a mask is taken away, without the lines of a signature": (bare, "UNSIGNED"),
        "signed by another key": (foreign, "WRONG_KEY"),
        "signed by another key that gives itself out as the owner's": (posing, "ALTERED"),
        "an older one again": (wanted(_GOOD - 1, cameras=open_cameras).sign(OWNER), "REPLAYED"),
        "that of another device": (wanted(9, device="other", cameras=open_cameras).sign(OWNER), "OTHER_DEVICE"),
        "that of another site": (wanted(9, site="plant-2", cameras=open_cameras).sign(OWNER), "OTHER_DEVICE"),
        "expired": (wanted(9, issued_us=past - 1, expires_us=past).sign(OWNER), "EXPIRED"),
        "cut off": (signed[:-40], "TRUNCATED"),
        "a mask made smaller in what the owner signed": (b"\n".join((lines[0], changed, *lines[2:])), "ALTERED"),
        "a field that nobody knows": (signed_content(content_of(good, debug=True)), "UNKNOWN_FIELD"),
        "enormous": (signed + b" " * (1 << 17), "TOO_LARGE"),
        "signed in another form": (signed_content(spaced), "NOT_CANONICAL"),
        "plain frames": (signed_content(content_of(good, plain_frames=True)), "PLAIN_FRAMES"),
        "another service": (signed_content(content_of(good, server="evil.example:443")), "OTHER_ADDRESS"),
        "signed, but more frames than the site's own file has": (
            wanted(9, cameras={"bench-1": {"fps": "every"}}).sign(OWNER), "SHOWS_MORE"
        ),
        "signed, but a camera that the site's own file lacks": (
            wanted(9, cameras={"bench-2": {}}).sign(OWNER), "SHOWS_MORE"
        ),
        "no object": (signed_content(b"[1]"), "MALFORMED"),
        "cameras that are a list": (signed_content(content_of(good, cameras=[1])), "MALFORMED"),
        "nesting without end": (signed_content(b"[" * 30_000), "MALFORMED"),
        "numbers that are none": (signed_content(content_of(good, number="9")), "MALFORMED"),
    }  # fmt: skip


def test_a_mask_that_the_owner_signed_is_painted_and_nothing_hostile_takes_it_away(
    site: Site, carrier: Carrier, camera: LiveCamera
) -> None:
    _started(site, carrier, camera)
    good = wanted(_GOOD).sign(OWNER)
    assert _hand_over(carrier, good) == "UNSPECIFIED"
    assert carrier.report.configuration_number == _GOOD
    reasons = {}
    documents = hostile(good)
    for what, (document, _) in documents.items():
        reasons[what] = _hand_over(carrier, document)
        assert carrier.report.configuration_number == _GOOD, what
        state = _state(site)
        assert (state.document, state.number) == (good.decode(), _GOOD), what
    assert reasons == {what: reason for what, (_, reason) in documents.items()}
    assert len(set(reasons.values())) == 14
    seen = [line for line in site.log().splitlines() if "a configuration is refused" in line]
    assert len(seen) == len(documents)
    assert "evil.example" not in site.log()


@pytest.mark.slow
def test_what_is_masked_is_not_in_the_codes_and_a_lower_rate_holds(
    site: Site, carrier: Carrier, camera: LiveCamera
) -> None:
    _started(site, carrier, camera)
    whole = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
    wait_until(lambda: bool(carrier.of("bench-1")))
    assert _moves(carrier)
    assert _hand_over(carrier, wanted(cameras={"bench-1": {"masks": [whole], "fps": "1"}}).sign(OWNER)) == "UNSPECIFIED"
    assert not _moves(carrier)
    before = len(carrier.of("bench-1")[-1].frames)
    wait_until(lambda: len(carrier.of("bench-1")[-1].frames) > before + 3)
    times = [time_us for _, time_us, _ in carrier.of("bench-1")[-1].frames[-2:]]
    assert times[1] - times[0] > 800_000


def test_a_clock_that_is_set_back_brings_no_expired_configuration_back(site: Site) -> None:
    now = [now_us()]
    lines: list[str] = []
    settings = AgentSettings("plant-1", ServiceConnection("127.0.0.1:1", site.token_path), site.key_path, site.spool)
    local = {"bench-1": CameraSettings(source=("rtsp://10.0.0.1/1",))}

    def configurator() -> Configurator:
        started = Configurator(settings, OWNER.public_key, lines.append, lambda: now[0])
        started.cameras(local)
        return started

    old = wanted(7, issued_us=now[0] - 48 * HOUR_US, expires_us=now[0] - 24 * HOUR_US).sign(OWNER)
    configurator().remember_time()
    now[0] -= 30 * HOUR_US
    assert not configurator().offer(old)
    assert _state(site).refusal.value == "clock set back"
    now[0] += 31 * HOUR_US
    assert not configurator().offer(old + b"")
    renewed = wanted(8, issued_us=now[0] - 1, expires_us=now[0] + HOUR_US).sign(OWNER)
    good = configurator()
    assert good.offer(renewed)
    good.keep()
    assert _state(site).number == 8


@pytest.mark.slow
def test_a_configuration_with_which_a_camera_does_not_start_is_rolled_back(
    site: Site, carrier: Carrier, camera: LiveCamera
) -> None:
    agent = _started(site, carrier, camera, trial_s=4.0)
    camera.refuse = True
    assert _hand_over(carrier, wanted().sign(OWNER)) == "NOT_STARTED"
    assert "bench-1 gave no frame within 4 s; the one before is in effect again" in site.log()
    assert (carrier.report.configuration_number, _state(site).document) == (0, None)
    camera.refuse = False
    count = agent.camera().captured
    wait_until(lambda: agent.camera().captured > count)


def test_the_site_s_own_files_are_the_most_that_is_shown_also_when_they_change(site: Site) -> None:
    masks = site.folder / "masks.json"
    masks.write_text(json.dumps({"*": [[[0.6, 0.6], [1, 0.6], [1, 1]]]}))
    settings = AgentSettings(
        "plant-1", ServiceConnection("127.0.0.1:1", site.token_path), site.key_path, site.spool, masks_path=masks
    )
    views = {"hands": [0, 0, 0.5, 0.5], "feet": [0.5, 0.5, 1, 1]}
    local = {"bench-1": CameraSettings.model_validate({"source": "a.mp4", "fps": 4, "views": views})}
    configurator = Configurator(settings, OWNER.public_key, print)
    assert configurator.cameras(local) == local
    orders = {"bench-1": {"fps": "2", "views": ["feet"], "whole": False, "masks": [MASK]}}
    assert configurator.offer(wanted(cameras=orders).sign(OWNER))
    configurator.keep()
    shown = configurator.cameras(local)["bench-1"]
    assert (shown.fps, list(shown.views), shown.whole, shown.source) == (2, ["feet"], False, ("a.mp4",))
    painted = json.loads(configurator.masks_path.read_text())
    assert painted == {"bench-1": [[[0.6, 0.6], [1, 0.6], [1, 1]], MASK]}
    narrower = {
        "bench-1": CameraSettings.model_validate({"source": "a.mp4", "fps": 1, "views": {"hands": views["hands"]}})
    }
    restarted = Configurator(settings, OWNER.public_key, print)
    assert restarted.cameras(narrower) == {}, "neither the whole nor a view of both is left"
    assert restarted.offer(wanted(2, cameras={"bench-1": {"capture": False}}).sign(OWNER))
    assert restarted.cameras(local) == {}


@pytest.mark.parametrize("damage", [b"", b"{}x", b'{"number": 5, "documents": 1}'])
def test_a_damaged_state_shows_nothing_rather_than_more(site: Site, damage: bytes) -> None:
    settings = AgentSettings("plant-1", ServiceConnection("127.0.0.1:1", site.token_path), site.key_path, site.spool)
    (site.spool / FOLDER).mkdir(parents=True)
    (site.spool / FOLDER / "state.json").write_bytes(damage)
    with pytest.raises(SpoolError, match=r"state.json is damaged, .* delete it to go on with the site's own files"):
        Configurator(settings, OWNER.public_key, print)


@pytest.mark.slow
def test_an_agent_that_is_killed_at_any_moment_has_the_old_one_or_the_new_one(
    site: Site, carrier: Carrier, camera: LiveCamera
) -> None:
    config = site.folder / "cameras.yaml"
    config.write_text(json.dumps({"cameras": {"bench-1": {"source": camera.url, "fps": 5, "watch": False}}}))
    sent, applied, takes_s = {0: None}, [], 0.0
    for turn in range(11):
        process = site.agent(carrier.address, "--config", config)
        wait_until(lambda: any(camera.last_frame_us for camera in carrier.report.cameras))
        number = max(sent) + 1
        masks = [MASK] * number  # so that its masks are a file of their own
        sent[number] = wanted(number, cameras={"bench-1": {"masks": masks, "fps": "4"}}).sign(OWNER).decode()
        carrier.document, began = sent[number].encode(), time.monotonic()
        if turn == 0:
            wait_until(lambda number=number: _state(site).number == number)
            takes_s = time.monotonic() - began
        else:
            time.sleep(takes_s * turn / 7)
        process.send_signal(signal.SIGKILL)
        process.wait()
        state = _state(site)
        assert state.document == sent[state.number]
        applied.append(state.number == number)
        carrier.report.Clear()
    assert any(applied[1:])
    assert not all(applied[1:])
    process = site.agent(carrier.address, "--config", config)
    wait_until(lambda: carrier.report.configuration_number == max(sent))
    os.kill(process.pid, signal.SIGTERM)
