"""The readers of files that come from others, each with inputs that are nearly right."""

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.archive import parquet, read_archive, read_shard
from tests.fuzz.mutation import altered, mutated, written

PASSPHRASE = "a long phrase"


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        file: what the file is called within its folder.
        read: reads it, by the product's own function.
        make: makes an input of a random number.
    """

    file: str
    read: Callable[[Path], object]
    make: Callable[[Random], bytes]


def _near(seeds: Callable[[], list[bytes]]) -> Callable[[Random], bytes]:
    return lambda random: mutated(random.choice(seeds()), random)


def _document(
    document: Callable[[], Any], wrap: Callable[[bytes, Random], bytes] | None = None
) -> Callable[..., bytes]:
    """Odd documents, and odd bytes of right ones; wrapped so that they pass whatever stands before their reader."""

    def make(random: Random) -> bytes:
        if random.random() < 0.7:
            content = written(altered(document(), random), random)
        else:
            content = mutated(json.dumps(document()).encode(), random)
        return wrap(content, random) if wrap and random.random() < 0.8 else content

    return make


# --- keys ------------------------------------------------------------------------------------------------------------


@cache
def _keys() -> list[Any]:
    from raypp.veil.key import SiteKey, VeilKey
    from raypp.veil.keyfile import save_owner_key, save_site_key
    from raypp.veil.spec import PatchSpec

    owner = VeilKey(bytes(range(32)))
    site = SiteKey.derive_from(owner, PatchSpec(), "north", ["gate", "hall"])
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder, name) for name in ("owner", "site", "sealed")]
        save_owner_key(owner, places[0])
        save_site_key(site, places[1])
        save_owner_key(owner, places[2], PASSPHRASE)
        return [json.loads(place.read_text()) for place in places]


def _read_key(path: Path) -> object:
    from raypp.veil.keyfile import load_key

    path.chmod(0o600)
    return load_key(path, lambda: PASSPHRASE)


def _key(random: Random) -> bytes:
    keys = _keys()
    document = keys[2] if random.random() < 0.05 else random.choice(keys[:2])  # a sealed one takes half a second
    return _document(lambda: document)(random)


def _read_data_key(path: Path) -> object:
    from raypp.shards.encryption import DataKey

    path.chmod(0o600)
    return DataKey.load(path)


def _read_passphrase(path: Path) -> object:
    from raypp.veil.envelope import read_passphrase

    path.chmod(0o600)
    return read_passphrase(path)


# --- veils, masks, settings ------------------------------------------------------------------------------------------


def _spec_document() -> Any:
    from raypp.veil.spec import PatchSpec

    return PatchSpec().model_dump(mode="json")


def _read_spec(path: Path) -> object:
    from raypp.veil.encoder_file import spec_and_encoder

    return spec_and_encoder(path)


@cache
def _encoder() -> tuple[Any, bytes, bytes]:
    from raypp.veil.encoder_file import seal_encoder
    from raypp.veil.key import VeilKey
    from raypp.veil.spec import LearnedSpec
    from tests.veil.networks import small_network

    network, key = small_network(), VeilKey(bytes(range(32)))
    spec = LearnedSpec(channels=6, bits=3, sub_keys=2, encoder=key.name_encoder(network))
    return spec, network, seal_encoder(spec, network, key)


def _encoder_file(random: Random) -> bytes:
    from raypp.veil.encoder_file import seal_encoder
    from raypp.veil.key import VeilKey

    spec, network, sealed = _encoder()
    if random.random() < 0.5:
        return mutated(sealed, random)
    return seal_encoder(spec, mutated(network, random), VeilKey(bytes(range(32))))


def _read_encoder(path: Path) -> object:
    from raypp.veil.encoder_file import open_encoder, spec_and_encoder
    from raypp.veil.key import VeilKey
    from raypp.veil.learned import EncoderNetwork

    spec_and_encoder(path)
    return EncoderNetwork(open_encoder(path, _encoder()[0], VeilKey(bytes(range(32)))))


_MASKS = [
    b"north/gate: [[[0, 0], [0.5, 0], [0.5, 1.0]]]\n'*': []\n007: [[[.1, .2], [1, 0], [0, 1]], [[0, 0], [1, 1], [1, 0]]]",  # noqa: E501
    b'{"gate": [[[0, 0], [0.5, 0], [0.5, 1]]], "a b": [[[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]]}',
    b"a: &a [[[0, 0], [1, 0], [1, 1]]]\nb: *a\nc: [*a, *a]\n",
]
_CAMERAS = [
    b"cameras:\n  gate: {source: rtsp://10.0.0.5/s1, fps: 1/5}\n  hall:\n    source: [a.mp4, b]\n    watch: false\n",
    b"base: &b {source: /dev/video0}\ncameras:\n  one: {<<: *b, fps: every}\n  two: *b\n",
]
_SETTINGS = [
    (
        b"time_zone: Europe/Berlin\nshifts: [{name: early, start: '06:00', end: '14:00', days: [mon]}]\n"
        b"tools:\n  - {class: saw, mode: moving, min_on_s: 2, max_gap_s: 3}\n"
    ),
    (
        b"cameras: {bench-1: {stations: {rack: [[0, 0], [0.5, 0], [0.5, 0.4]]}}}\n"
        b"tools: [{class: hammer, near: [hand], mode: in_hand, stations: [rack]}]\nmax_lateness_s: 2\n"
    ),
]
_ALERT_RULES = [
    (
        b"alerts:\n  - {name: long, when: episode_lasts, longer_than_s: 600, tools: [saw], to: [office, plant]}\n"
        b"  - {name: blind, when: camera_blind, longer_than_s: 60, cameras: [gate], within_s: 9, to: [office]}\n"
    ),
    (
        b"cameras: {gate: {zones: {pit: {polygon: [[0, 0], [1, 0], [1, 1]], forbidden: true}}}}\n"
        b"alerts: [{name: pit, when: violation_lasts, longer_than_s: 5, zones: [pit], cameras: [gate], to: [office]}]\n"
    ),
    b"tools: [{class: saw}]\nalerts: [{name: a, when: site_silent, longer_than_s: 0.5, to: [plant]}]\n",
]
_CHANNELS = [
    (
        b"models: [tools.model]\nalerts:\n  channels:\n"
        b"    office: {kind: webhook, url: 'https://alerts.example/raypp', key_files: [office.key]}\n"
        b"    plant: {kind: mqtt, host: broker.example, user: raypp, password_file: secret, topic: works/raypp}\n"
    ),
    b"alerts: {channels: {a: {kind: webhook, url_file: url, key_files: [a, b], deadline_s: 3}}, keep_days: 9}\n",
]
_DATASETS = [
    b"train: images/train\nval: images/val\nnames: [hammer, saw]\n",
    b"path: .\ntrain: [images/train, images/val]\nval: list.txt\nnc: 2\nnames: {0: hammer, 1: &s saw}\ntest: *s\n",
]


def _read_masks(path: Path) -> object:
    from raypp.media.masks import load_masks

    masks = load_masks(path)
    return [mask.digest for mask in masks.masks.values()]


def _read_cameras(path: Path) -> object:
    from raypp.edge.cameras_file import SiteCameras

    return SiteCameras.load(path)


def _read_settings(path: Path) -> object:
    from raypp.usage.settings import SiteSettings

    return SiteSettings.load(path).settings_id


def _read_channels(path: Path) -> object:
    from raypp.alerts.settings import AlertSettings

    return AlertSettings.load(path)


def _read_dataset(path: Path) -> object:
    from raypp.media.discovery import discover

    for split in ("train", "val"):
        (path.parent / "images" / split).mkdir(parents=True, exist_ok=True)
        (path.parent / "images" / split / "1.jpg").write_bytes(b"x")
    (path.parent / "list.txt").write_text("images/val/1.jpg\n")
    return [problem.reason for problem in discover([str(path.parent)]).problems]


_INVENTORIES = [
    b"url,site,camera,start\na.mp4,north,gate,2026-01-01T00:00:00Z\n/tmp/b.mp4,,,\n",
    b"url\nx.jpg\ny.mkv\n",
]


def _inventory(random: Random) -> bytes:
    return mutated(random.choice(_INVENTORIES), random).replace(b"://", b":/")  # no network


def _read_inventory(path: Path) -> object:
    from raypp.media.discovery import discover

    return [problem.reason for problem in discover([str(path)]).problems]


# --- bundles and certificates ----------------------------------------------------------------------------------------


@cache
def _bundle() -> tuple[Any, Any]:
    import torch

    about = {
        "architecture": "yolov8p", "classes": ["hammer", "saw"], "channels": 4, "bits": 2, "patch": 8, "sub_keys": 2,
        "size": 96, "veil_id": "ab" * 16, "spec": {"patch": 8}, "dataset_version": "cd" * 16, "labels_version": "v1",
        "recipe": {"epochs": 3, "batch": 4, "steps": 5},
    }  # fmt: skip
    header = {"format_version": 1, "about": about, "precision": "float32", "epochs": 2, "scores": None}
    header["scores"] = {"precision": 0.1, "recall": 0.2, "map50": 0.3, "map50_95": 0.4}
    return header, {"model.0.weight": torch.zeros(4, 2, 1, 1), "steps": torch.tensor(3)}


def _bundle_file(random: Random) -> bytes:
    import safetensors.torch

    from raypp.detect.bundle import _digest

    header, tensors = _bundle()
    text = written(altered(header, random) if random.random() < 0.7 else header, random).decode("utf-8", "replace")
    metadata = {"format": "pt", "raypp": text, "sha256": _digest(text, tensors)}
    content: bytes = safetensors.torch.save(tensors, metadata)
    if random.random() < 0.5:
        return content
    length = int.from_bytes(content[:8], "little")
    index = json.loads(content[8 : 8 + length])
    odd = written(altered(index, random), random) if random.random() < 0.5 else mutated(content[8 : 8 + length], random)
    return len(odd).to_bytes(8, "little") + odd + content[8 + length :]


def _read_bundle(path: Path) -> object:
    from raypp.api import describe_file
    from raypp.detect.checkpoint import load_bundle

    describe_file(path)
    return load_bundle(path, lambda: PASSPHRASE)


@cache
def _certificate() -> Any:
    from raypp.audit.verdict.certificate import sign
    from tests.audit.rows import KEY, certificate

    return json.loads(sign(certificate(), KEY))


def _certificate_file(random: Random) -> bytes:
    import base64

    from tests.audit.rows import KEY

    document = _certificate()
    if random.random() < 0.3:
        return mutated(json.dumps(document).encode(), random)
    body = written(altered(document["certificate"], random), random)
    if random.random() < 0.2:
        return body
    with suppress(ValueError, RecursionError):  # signed as somebody would who has a key
        body = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()
    signature = base64.b64encode(KEY.sign(b"raypp certificate v1\0" + body)).decode()
    return b'{"certificate":' + body + b',"signature":"' + signature.encode() + b'"}'


def _read_certificate(path: Path) -> object:
    from raypp.audit.verdict.certificate import verify_certificate

    return verify_certificate(path)


# --- archives --------------------------------------------------------------------------------------------------------


TARGETS = {
    "key": Target("some.key", _read_key, _key),
    "data-key": Target("data.key", _read_data_key, _document(
        lambda: {"kind": "raypp-data-key", "version": 1, "secret": "A" * 43 + "="})),
    "passphrase": Target("phrase", _read_passphrase, _near(lambda: [b"a long phrase\n", "épée".encode()])),
    "spec": Target("veil.json", _read_spec, _document(_spec_document)),
    "encoder": Target("encoder.veil", _read_encoder, _encoder_file),
    "masks": Target("masks.yaml", _read_masks, _near(lambda: _MASKS)),
    "cameras": Target("cameras.yaml", _read_cameras, _near(lambda: _CAMERAS)),
    "settings": Target("settings.yaml", _read_settings, _near(lambda: _SETTINGS)),
    "alert-rules": Target("settings.yaml", _read_settings, _near(lambda: _ALERT_RULES)),
    "channels": Target("serve.yaml", _read_channels, _near(lambda: _CHANNELS)),
    "data.yaml": Target("data.yaml", _read_dataset, _near(lambda: _DATASETS)),
    "inventory": Target("inventory.csv", _read_inventory, _inventory),
    "bundle": Target("tools.model", _read_bundle, _bundle_file),
    "certificate": Target("certificate.json", _read_certificate, _certificate_file),
    "shard": Target("shard.parquet", read_shard, parquet("shard")),
    "manifest": Target("manifest.parquet", read_archive, parquet("manifest")),
    "labels": Target("labels/v1/labels.parquet", read_archive, parquet("labels")),
}  # fmt: skip
