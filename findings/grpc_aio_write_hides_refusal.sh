#!/usr/bin/env bash
# A client of grpc.aio that writes to a stream just as the server refuses it sometimes gets INTERNAL, "Internal error
# from Core", instead of the status and words that the server sent. A client that goes by the status (refused for good,
# or to be tried again) then does the wrong thing; the true status cannot be asked for afterwards.
#
# Version: grpcio 1.85.1, Python 3.11, Linux; server and client in one process, over loopback.
# Expected: each of 3000 calls ends with UNAUTHENTICATED, whenever the client writes.
# Seen: some 100 of 3000 end with INTERNAL; the others with UNAUTHENTICATED, by an AioRpcError or after an
#       InvalidStateError ("RPC already finished.") by the call's code().
#
# Exits with 1 if no call of 20000 ends with INTERNAL, or one ends with anything else.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check grpcio==1.85.1
cat > look.py <<'PY'
import asyncio
import sys
from collections import Counter

import grpc


async def refuse(requests, context):
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no")
    yield b""


class Refuses(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.stream_stream_rpc_method_handler(refuse)


async def ending(channel, wait_s):
    call = channel.stream_stream("/any/method")()
    await asyncio.sleep(wait_s)
    try:
        await call.write(b"hello")
        await call.read()
    except grpc.aio.AioRpcError as error:
        return error.code().name, error.details()
    except asyncio.InvalidStateError:
        pass
    return (await call.code()).name, await call.details()


async def main():
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Refuses(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    seen = Counter()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        for number in range(20000):
            if number >= 3000 and len(seen) > 1:
                break
            seen[await ending(channel, number % 10 * 0.0004)] += 1
    await server.stop(None)
    for what, times in seen.most_common():
        print(times, "calls:", *what)
    return set(seen)


expected = {("UNAUTHENTICATED", "no"), ("INTERNAL", "Internal error from Core")}
sys.exit(asyncio.run(main()) != expected)
PY
venv/bin/python look.py
