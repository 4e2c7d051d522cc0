"""What is done to a world: each mischief hurts one thing, and mends what no supervisor would mend by itself."""

import random
import signal
import time
from collections.abc import Callable

from tests.chaos.world import World

Mischief = Callable[[World, random.Random], str]
"""Does it and says what it did; raises NothingDoneError where there was nothing to hurt."""


class NothingDoneError(Exception):
    """There was nothing that this mischief could have hurt; says what it looked for."""


def kill_gateway(world: World, chance: random.Random) -> str:
    """Kill -9 a gateway replica; Serve starts another."""
    return _kill(world, chance, "ServeReplica:raypp:Gateway")


def kill_detector(world: World, chance: random.Random) -> str:
    """Kill -9 the detector replica; Serve starts another."""
    return _kill(world, chance, "ServeReplica:raypp:Detector")


def kill_sender(world: World, chance: random.Random) -> str:
    """Kill -9 the sender of alerts; Serve starts another."""
    return _kill(world, chance, "ServeReplica:raypp:Alerts")


def fail_receiver(world: World, chance: random.Random) -> str:
    """Let the web server answer with an error for a while: ten minutes, where tries wait for up to half a minute."""
    seconds = chance.uniform(5, 20)
    world.listeners.outages.append(world.listeners.down(seconds))
    return f"had the receiver of alerts fail for {seconds:.0f} s"


def freeze_broker(world: World, chance: random.Random) -> str:
    """Stop the broker for a while and wake it."""
    broker, seconds = world.listeners.broker, chance.uniform(1, 8)
    if broker is None:
        raise NothingDoneError("no broker to freeze")
    broker.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    broker.send_signal(signal.SIGCONT)
    return f"froze the broker for {seconds:.0f} s"


def kill_proxy(world: World, chance: random.Random) -> str:
    """Kill -9 Serve's proxy; Serve starts another."""
    return _kill(world, chance, "ray::ProxyActor")


def freeze_gateway(world: World, chance: random.Random) -> str:
    """Stop a gateway replica for a while and wake it: it goes on as if nothing had happened."""
    victims = world.replicas("ServeReplica:raypp:Gateway")
    if not victims:
        raise NothingDoneError("no gateway to freeze")
    victim, seconds = chance.choice(victims), chance.uniform(2, 12)
    victim.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    if victim.is_running():
        victim.send_signal(signal.SIGCONT)
    return f"froze a gateway for {seconds:.0f} s"


def kill_agent(world: World, chance: random.Random) -> str:
    """Kill -9 an agent and its capture processes, and start it again, as systemd does."""
    sites = world.running_sites()
    if not sites:
        raise NothingDoneError("no agent to kill")
    site = chance.choice(sites)
    world.kill_agent(site)
    time.sleep(chance.uniform(0, 2))
    world.start_agent(site)
    return f"killed the agent of {site}"


def cut_link(world: World, chance: random.Random) -> str:
    """Reset every connection and refuse new ones for a while."""
    seconds = chance.uniform(0.2, 4)
    before = world.pipe.connections, world.pipe.refused
    world.pipe.cut()
    time.sleep(seconds)
    world.pipe.restore()
    if before == (0, world.pipe.refused):
        raise NothingDoneError("nobody used the link that was cut")
    return f"cut the link for {seconds:.1f} s"


def stall_link(world: World, chance: random.Random) -> str:
    """Pass nothing on for a while, and say nothing of it."""
    seconds = chance.uniform(0.5, 6)
    if not world.pipe.connections:
        raise NothingDoneError("no connection to stall")
    world.pipe.stall()
    time.sleep(seconds)
    world.pipe.restore()
    return f"stalled the link for {seconds:.1f} s"


def drop_database(world: World, _: random.Random) -> str:
    """Terminate every connection of the database."""
    name = world.url.split("/@/")[-1].split("@/")[-1].split("?")[0]
    ended = world.stage.postgres.sql(
        name,
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    if int(ended) == 0:
        raise NothingDoneError("no connection of the database to end")
    return f"ended {ended} connections of the database"


def redeploy(world: World, _: random.Random) -> str:
    """Stop the service and start it again."""
    world.stop_service()
    (world.place / "serve.log").write_text("")
    world.start_service()
    world.wait_for_service()
    return "redeployed the service"


def _kill(world: World, chance: random.Random, name: str) -> str:
    victims = world.replicas(name)
    if not victims:
        raise NothingDoneError(f"no {name} to kill")
    chance.choice(victims).kill()
    return f"killed a {name}"


EVERY: tuple[Mischief, ...] = (
    kill_gateway,
    kill_detector,
    kill_proxy,
    freeze_gateway,
    kill_agent,
    cut_link,
    stall_link,
    drop_database,
    redeploy,
    kill_sender,
    fail_receiver,
    freeze_broker,
)
