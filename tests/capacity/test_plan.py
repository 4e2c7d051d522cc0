"""A plan: what its numbers are, that they grow with each part of the load, and that sites add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypp.capacity.choice import RateChoice
from raypp.capacity.demand import CapacityDemand, demand_of
from raypp.capacity.plan import CapacityPlan, plan_capacity
from raypp.capacity.settings import CapacitySettings
from raypp.errors import OptionError
from tests.capacity.rates import detector, document, hand_made, ledger

RATES = hand_made()
_GROWING = ("sites", "cameras", "fps", "hours", "detections", "uses", "width", "video_fps")

loads = st.fixed_dictionaries(
    {
        "sites": st.integers(1, 100_000),
        "cameras": st.integers(1, 64),
        "fps": st.floats(0.05, 25),
        "hours": st.floats(0.5, 24),
        "detections": st.floats(0, 50),
        "uses": st.floats(0, 500),
        "width": st.integers(64, 4096),
        "video_fps": st.floats(1, 60),
        "headroom": st.floats(0, 0.8),
        "device": st.sampled_from(("cpu", "gpu")),
    }
)


def _plan(**load: object) -> CapacityPlan:
    return plan_capacity(CapacitySettings(**load), RATES)


def _demand(**load: object) -> CapacityDemand:
    settings = CapacitySettings(**load)
    return demand_of(settings, RateChoice(RATES, settings))


def _numbers(plan: CapacityPlan) -> dict[str, float]:
    flat = plan.model_dump(exclude={"settings", "demand"}) | plan.demand.model_dump() | plan.nodes_by
    return {name: value for name, value in flat.items() if isinstance(value, int | float)}


def test_a_plan_is_what_a_person_computes() -> None:
    plan = _plan(sites=1000, cameras=4, fps=2, hours=10, headroom=0.5, uses=10, detections=2)
    demand = plan.demand
    assert demand.streams == 4000
    assert demand.frames_per_s == 8000
    assert demand.commits_per_s == 1000  # eight frames in each chunk, within four seconds
    assert demand.site_cores == pytest.approx(4000 * (0.030 + 2 * (0.002 + 0.003)))
    assert demand.gateway_cores == pytest.approx(4000 * 0.0005 + 1000 * 0.004 + 8000 * 0.002)
    assert demand.detector_cores == pytest.approx(8000 * (0.020 + 0.001))  # openvino is the quickest
    assert demand.database_cores == pytest.approx(2.0)
    assert demand.wire_bytes_per_s == pytest.approx(8000 * 1000 + 1000 * 40)
    per_second = 1000 * 200 + 8000 * (3 + 2 * 20)
    assert demand.ledger_bytes_per_day == pytest.approx(10 * (3600 * per_second + 4000 * 10 * 300))
    assert plan.cores_per_site == 1
    assert plan.gateways == 44
    assert plan.detectors == 336
    assert plan.databases == 1
    assert plan.nodes_by["cores"] == 25  # 191 cores, on 8 less 0.1 of each node
    assert plan.nodes == 25
    assert plan.bottleneck.startswith("cores; detectors take 88 %")
    assert plan.memory_per_site_bytes == 9e7 + 4 * 6e7


@given(loads, st.sampled_from(_GROWING), st.floats(1, 4))
def test_more_of_anything_never_needs_less(load: dict[str, float], what: str, times: float) -> None:
    limits = {"hours": 24, "detections": 300, "width": 16_384, "cameras": 1000, "video_fps": 240}
    more = min(load[what] * times, limits.get(what, 1e9))
    greater = load | {what: int(more) if isinstance(load[what], int) else more}
    before, after = _numbers(_plan(**load)), _numbers(_plan(**greater))
    assert {name for name in before if after[name] < before[name] * (1 - 1e-9)} == set()


@given(loads, st.integers(1, 100_000), st.sampled_from(("sqlite", "postgresql")))
def test_the_demand_of_sites_adds_up(load: dict[str, float], others: int, database: str) -> None:
    load = load | {"database": database}
    together = _demand(**load | {"sites": load["sites"] + others}).model_dump()
    apart = _demand(**load).model_dump(), _demand(**load | {"sites": others}).model_dump()
    for name, value in together.items():
        if value is not None:
            assert value == pytest.approx(apart[0][name] + apart[1][name], rel=1e-9), name


@given(loads)
def test_head_room_is_left_free(load: dict[str, float]) -> None:
    plan = _plan(**load)
    settings, demand = plan.settings, plan.demand
    assert plan.gateways * settings.usable >= demand.gateway_cores * (1 - 1e-9)
    assert plan.gateways * settings.streams_per_gateway >= demand.streams
    assert plan.nodes * settings.node_cpus * settings.usable >= demand.service_cores * (1 - 1e-9)
    assert plan.nodes * settings.node_memory_gb * 1e9 * settings.usable >= plan.memory_bytes * (1 - 1e-9)
    assert plan.cores_per_site * settings.sites * settings.usable >= demand.site_cores * (1 - 1e-9)
    assert (plan.gpus > 0) == (settings.device == "gpu")


@given(loads, st.floats(0, 0.8))
def test_more_head_room_never_buys_less(load: dict[str, float], headroom: float) -> None:
    less, more = sorted((load["headroom"], headroom))
    assert _plan(**load | {"headroom": less}).nodes <= _plan(**load | {"headroom": more}).nodes


def test_the_bottleneck_is_named() -> None:
    assert _plan(sites=1000, node_memory_gb=3.2).bottleneck.startswith("memory; ")
    many = hand_made(detect=[detector("quick", 0.1)])
    settings = CapacitySettings(sites=5000, node_cpus=256, node_memory_gb=1024)
    assert plan_capacity(settings, many).bottleneck.startswith("proxies, one process on each node; ")
    assert _plan(sites=1000, device="gpu", node_cpus=1000, node_memory_gb=9000).bottleneck.startswith("GPUs; ")


def test_an_engine_is_taken_by_its_name() -> None:
    assert _plan(sites=10).detector == "openvino 1 bfloat16"
    assert _plan(sites=10, engine="onnxruntime").detector == "onnxruntime 1 float32"
    assert _plan(sites=10, device="gpu").detector == "torch 2 float32"


def test_a_database_on_another_machine_is_counted_by_commits() -> None:
    rates = hand_made(ledger=[ledger("postgresql")])
    plan = plan_capacity(CapacitySettings(sites=1000, headroom=0), rates)
    assert plan.demand.database_cores is None
    assert plan.databases == 2  # 1000 commits a second, 500 for each


def test_a_service_with_sqlite_has_one_node() -> None:
    plan = _plan(sites=2, cameras=2, database="sqlite")
    assert (plan.nodes, plan.databases) == (1, 1)


def test_boxes_beside_cameras_have_rates_of_their_own() -> None:
    box = hand_made(veil=[{"spec": "default", "size": 640, "cpu_ms": 20.0, "frames_per_s": 50.0}], agent=None)
    settings = CapacitySettings(sites=10, fps=2)
    slower = plan_capacity(settings, RATES.with_sites(box)).demand
    assert slower.site_cores == pytest.approx(_plan(sites=10, fps=2).demand.site_cores + 40 * 2 * 0.018)
    assert slower.service_cores == _plan(sites=10, fps=2).demand.service_cores


@pytest.mark.parametrize(
    ("load", "parts", "words"),
    [
        ({"size": 512}, {}, "veil has not `size` 512 of `spec` default; it has 640 of default"),
        ({"engine": "tensorrt"}, {}, "detect has not engine tensorrt on `device` cpu with `size` 640"),
        ({}, {"decode": []}, "decode has not no video; it has nothing; measure it with `raypp bench --only decode`"),
        ({}, {"service": None}, "measure it with `raypp bench --only service`"),
        ({}, {"ledger": [ledger("sqlite")]}, "`database` postgresql; it has sqlite; it needs a URL"),
        ({}, {"service": document()["service"] | {"size": 320}}, "service has not `size` 640; it has 320"),
        ({"node_cpus": 0.1}, {}, "`node_cpus` 0.1 is less than Ray and its proxy take"),
        ({"node_memory_gb": 1}, {}, "`node_memory_gb` 1 is less than"),
        ({"sites": 1000, "database": "sqlite"}, {}, "`database` sqlite serves one node, and this load takes"),
    ],
)
def test_a_plan_that_cannot_be_made_says_why(load: dict[str, object], parts: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError) as raised:
        plan_capacity(CapacitySettings(**{"sites": 10} | load), hand_made(**parts))
    assert words in str(raised.value)


def test_the_document_by_hand_is_of_this_version() -> None:
    assert hand_made().version == 1
    assert set(document()) <= set(type(RATES).model_fields)
