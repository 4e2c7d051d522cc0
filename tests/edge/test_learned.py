"""A site with a learned veil: its own key opens the encoder file, and without that file nothing begins."""

from dataclasses import replace

import numpy as np
import pytest
from av.video.frame import VideoFrame

from raypp.edge.cameras_file import CameraSettings
from raypp.edge.capture.frame_encoder import FrameEncoder
from raypp.edge.settings import AgentSettings
from raypp.edge.uplink.connection import ServiceConnection
from raypp.errors import OptionError, SpecError
from raypp.media.orientation import Orientation
from raypp.usage.observation import Observation
from raypp.veil.encoder_file import seal_encoder
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import save_site_key
from raypp.veil.packing import unpack
from raypp.veil.spec import LearnedSpec
from raypp.veil.veil import open_veil
from tests.edge.conftest import SITE
from tests.veil.networks import small_network

_KEY = VeilKey(bytes(range(32)))


def test_a_camera_veils_with_the_sites_key_and_the_encoder_file(site, tmp_path):
    network = small_network()
    spec = LearnedSpec(channels=6, bits=3, sub_keys=2, encoder=_KEY.name_encoder(network))
    encoder, key = tmp_path / "encoder.veil", tmp_path / "learned.key"
    encoder.write_bytes(seal_encoder(spec, network, _KEY))
    save_site_key(SiteKey.derive_from(_KEY, spec, SITE, ["bench-1"]), key)
    settings = AgentSettings(SITE, ServiceConnection("127.0.0.1:1", site.token_path), key, site.spool, size=160)
    with pytest.raises(OptionError, match="give its encoder file with `spec`"):
        settings.check()
    with pytest.raises(SpecError, match="No such file"):
        replace(settings, encoder_path=tmp_path / "none.veil").check()
    settings = replace(settings, encoder_path=encoder)
    settings.check()
    frame_encoder = FrameEncoder(settings.job("bench-1", CameraSettings(source=("video.mp4",)), settings.veil_spec()))
    pixels = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    frame = frame_encoder.see(VideoFrame.from_ndarray(pixels, format="rgb24"), Orientation())
    packed = frame_encoder.capture(0, frame, Observation.OBSERVED, 0, 0).packed
    assert packed is not None
    owners = open_veil(spec, _KEY, encoder).stream(SITE, "bench-1")
    assert [shape.sub_key for shape in frame_encoder.shapes(160, 120)] == [owners.sub_key]
    assert np.array_equal(unpack(packed, (6, 15, 20), 3), owners.encode(pixels[None])[0])
