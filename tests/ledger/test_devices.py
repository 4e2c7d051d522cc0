"""A device has one row, whatever it says and however often; it is late and missing by the service's clock alone."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from raypp.errors import LedgerError, OptionError, TooManyDevicesError, UnknownSiteError
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.device_tables import DeviceRow
from raypp.ledger.device_values import (
    CameraCondition,
    DeviceCamera,
    DeviceInstance,
    DeviceReport,
    DeviceState,
    SilenceLimits,
)
from raypp.ledger.devices import Devices
from raypp.ledger.site_move import SiteMove
from raypp.ledger.store import Ledger
from tests.ledger.site import SECOND, T0, Clock

_LIMITS = SilenceLimits(90 * SECOND, 900 * SECOND)
_FIRST, _LATER = DeviceInstance(7, T0), DeviceInstance(8, T0 + SECOND)
_CAMERA = DeviceCamera(camera="bench", condition=CameraCondition.CAPTURING, fps=2.0, last_frame_us=T0)
REPORT = DeviceReport(
    agent_version="0.1.0",
    clock_offset_us=-3_000_000,
    clock_error_us=1000,
    veil_id="ab" * 16,
    spool_bytes=1 << 40,
    disk_free_bytes=(1 << 63) - 1,
    oldest_unsent_us=T0,
    cameras=(_CAMERA,),
)


def note(ledger: Ledger, device: str = "agent", instance: DeviceInstance = _FIRST, most: int = 64) -> None:
    Devices(ledger).note("plant-1", device, instance, REPORT, _LIMITS, most)


def _state(ledger: Ledger) -> DeviceState:
    (device,) = Devices(ledger).of()
    assert Devices(ledger).count()[device.state(ledger.clock())] == 1
    return device.state(ledger.clock())


def test_a_report_is_read_as_it_was_written_and_a_hundred_take_one_row(ledger: Ledger, clock: Clock) -> None:
    began = clock.now
    for _ in range(100):
        note(ledger)
        clock.now += SECOND
    (device,) = Devices(ledger).of(["plant-1"])
    assert (device.report, device.instance, device.limits) == (REPORT, _FIRST, _LIMITS)
    assert (device.first_us, device.reported_us) == (began, clock.now - SECOND)
    with ledger.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(DeviceRow)).scalar_one() == 1
    assert [entry.subject for entry in AuditLog(ledger).latest(10) if entry.action == "device add"] == ["plant-1/agent"]
    assert Devices(ledger).of(["plant-2"]) == []


def test_a_silent_device_is_late_then_missing_and_reports_again(ledger: Ledger, clock: Clock) -> None:
    note(ledger)
    states = []
    for seconds in (0, 90, 1, 809, 1):
        clock.now += seconds * SECOND
        states.append(_state(ledger).value)
    assert states == ["reporting", "reporting", "late", "late", "missing"]
    note(ledger)
    assert _state(ledger) is DeviceState.REPORTING
    note(ledger, instance=replace(_FIRST, stopped=True))
    clock.now += 10_000 * SECOND
    assert _state(ledger) is DeviceState.STOPPED


def test_two_agents_under_one_name_are_told_and_a_restart_is_none(ledger: Ledger, clock: Clock) -> None:
    def clashes() -> bool:
        return Devices(ledger).of()[0].clashes(clock.now)

    note(ledger)
    note(ledger, instance=_LATER)
    assert not clashes(), "a restart"
    note(ledger)
    assert clashes()
    clock.now += 91 * SECOND
    note(ledger)
    assert not clashes(), "the other one is gone"


def test_a_site_has_so_many_devices_and_may_have_another_once_one_is_retired(ledger: Ledger) -> None:
    for name in ("a", "b"):
        note(ledger, name, most=2)
    with pytest.raises(TooManyDevicesError, match=r"plant-1 has 2 devices, at most 2 \(quotas.devices\); c is not one"):
        note(ledger, "c", most=2)
    note(ledger, "a", most=2)
    Devices(ledger).retire("plant-1", "b")
    note(ledger, "c", most=2)
    assert [device.device for device in Devices(ledger).of()] == ["a", "c"]
    with pytest.raises(OptionError, match="has no device b"):
        Devices(ledger).retire("plant-1", "b")
    with pytest.raises(UnknownSiteError):
        Devices(ledger).note("plant-9", "a", _FIRST, REPORT, _LIMITS, 64)


def test_a_damaged_report_is_named_with_its_remedy(ledger: Ledger) -> None:
    note(ledger)
    with ledger.database.write() as connection:
        connection.exec_driver_sql("UPDATE devices SET document = '{'")
    with pytest.raises(LedgerError, match=r"plant-1/agent: its report is damaged.*`raypp device retire`"):
        Devices(ledger).of()


def test_devices_move_with_their_site(ledger: Ledger, tmp_path: Path) -> None:
    note(ledger)
    with Ledger.open(f"sqlite:///{tmp_path}/target.db", clock=Clock()) as target:
        SiteMove(ledger, target, "plant-1").run()
        assert [device.report for device in Devices(target).of()] == [REPORT]
        assert check_ledger(target).problems == ()
        assert Devices(ledger).of() == []
        assert sum(Devices(ledger).count().values()) == 0


def test_a_ledger_of_an_older_schema_has_no_devices_and_is_read(ledger: Ledger) -> None:
    with ledger.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE device_configurations")
        connection.exec_driver_sql("DROP TABLE devices")
        connection.exec_driver_sql("UPDATE raypp_schema SET version_num = '0012'")
    assert Devices(ledger).of() == []
