from dataclasses import replace
from pathlib import Path

import pytest

from raypp.errors import OptionError
from raypp.serving.service_address import ServiceAddress
from raypp.serving.settings import ServiceSettings

HERE = ServiceAddress("127.0.0.1", 9000, "127.0.0.1", 8000, None, local=True)
EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound
OPEN = ServiceSettings(models=(Path("tools.model"),))
FRONTED = ServiceSettings(models=(Path("tools.model"),), front_secret_file=Path("front.secret"))


def test_other_machines_are_let_in_only_behind_a_front():
    HERE.check(OPEN)
    for where in (replace(HERE, host=EVERYWHERE), replace(HERE, http_host="192.0.2.7"), replace(HERE, host="::")):
        with pytest.raises(OptionError, match=r"lets other machines reach .* give `front_secret_file`"):
            where.check(OPEN)
        where.check(FRONTED)


def test_what_is_no_address_is_named():
    with pytest.raises(OptionError, match=r"`host` 'plant' is no address; give 127\.0\.0\.1"):
        replace(HERE, host="plant").check(FRONTED)
    with pytest.raises(OptionError, match="`host` is of a local Ray"):
        replace(HERE, host=EVERYWHERE, local=False).check(FRONTED)


def test_it_says_how_to_get_in_and_how_to_end_it():
    lines = HERE.lines(OPEN, Path("/logs"))
    assert lines["gRPC"] == "127.0.0.1:9000, this machine alone, no TLS; no front"
    assert "any user name; the password is a token" in lines["pages"]
    assert "http://127.0.0.1:8000/ " in lines["pages"]
    assert "Ctrl-C" in lines["serving"]
    assert "metrics" not in lines
    assert replace(HERE, metrics_port=9100).lines(OPEN, None)["metrics"] == "http://127.0.0.1:9100/metrics"
    everywhere = replace(HERE, host=EVERYWHERE).lines(FRONTED, None)["gRPC"]
    assert everywhere == "0.0.0.0:9000, reached from other machines, no TLS; calls need the front's secret"
