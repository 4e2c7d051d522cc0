import subprocess
import sys

import pytest

from actors.listening import ADDRESS_VARIABLE, address_for
from tests.command import ROOT, environment

_SERVER = """
import asyncio, grpc, sys
from actors.listening import listen_where_told
from jobs.local_ray import listens_everywhere
if sys.argv[1] == "told":
    listen_where_told()

async def main():
    server = grpc.aio.server()
    port = server.add_insecure_port("[::]:0")
    await server.start()
    print(listens_everywhere(port))
    await server.stop(None)

asyncio.run(main())
"""


@pytest.mark.parametrize(("how", "everywhere"), [("told", "False"), ("untold", "True")])
def test_a_server_for_all_interfaces_listens_where_it_is_told(how, everywhere):
    command = [sys.executable, "-c", _SERVER, how]
    done = subprocess.run(command, env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == everywhere


def test_only_the_port_that_was_named_leaves_loopback():
    assert address_for("9000", "0.0.0.0:9000") == "0.0.0.0:9000"
    assert address_for("41000", "0.0.0.0:9000") == "127.0.0.1:41000"
    assert address_for("9000", "[::1]:9000") == "[::1]:9000"
    assert address_for("9000", "") == "127.0.0.1:9000"
    assert ADDRESS_VARIABLE.startswith("RAYPP_")
