"""Sixteen tools that try what none may: each is harmless, bounds itself, and says how often it got through.

Each writes to its table how many of its tries came off, in column `n`. So a table of zeros, or a run that is refused,
is a wall that held.
"""

import textwrap

_HEAD = """
import ctypes, os, socket, sys, time
hits = 0
def attempt(function):
    global hits
    try:
        if function() is not False:
            hits += 1
    except BaseException as error:
        print(type(error).__name__, error)
def say(text="code,n\\na,{hits}\\n"):
    open("/out/t.csv", "w").write(text.format(hits=hits))
def read(path):
    with open(path, "rb") as file:
        return file.read(100)
P = dict(line.split("=") for line in open("/data/targets").read().split())
"""

_TOOLS = {
    "network": """
        def call():
            link = socket.socket()
            link.settimeout(1)
            link.connect(("127.0.0.1", int(P["port"])))
            link.send(b"secret")
        attempt(call)
        attempt(lambda: socket.create_connection(("192.0.2.1", 80), timeout=1))
        say()
        """,
    "dns": """
        attempt(lambda: socket.getaddrinfo("secret.example.org", 80))
        attempt(lambda: socket.gethostbyname("example.org"))
        say()
        """,
    "unix socket": """
        def call(path):
            link = socket.socket(socket.AF_UNIX)
            link.connect(path)
            link.send(b"secret")
        attempt(lambda: call(P["socket"]))
        attempt(lambda: call("\\0" + P["abstract"]))
        say()
        """,
    "proc": """
        own = {1, os.getpid(), os.getppid()}
        others = [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) not in own]
        attempt(lambda: bool(others))
        attempt(lambda: read("/proc/1/environ"))
        attempt(lambda: read("/proc/1/root/etc/passwd"))
        attempt(lambda: open("/proc/sys/kernel/core_pattern", "w"))
        attempt(lambda: open("/proc/sysrq-trigger", "w"))
        say()
        """,
    "key file": """
        attempt(lambda: read(P["key"]))
        attempt(lambda: read("/proc/self/root" + P["key"]))
        attempt(lambda: read("/program/../.." + P["key"]))
        attempt(lambda: read("/etc/passwd"))
        attempt(lambda: os.listdir("/home"))
        say()
        """,
    "environment": """
        attempt(lambda: "RAYPP_SECRET" in os.environ)
        attempt(lambda: any(b"hidden" in read(f"/proc/{name}/environ") for name in ("self", "1")))
        say()
        """,
    "writes to data": """
        for name in ("data", "program", "usr/lib"):
            attempt(lambda: open(f"/{name}/planted", "w"))
        attempt(lambda: open("/data/targets", "a"))
        attempt(lambda: os.remove("/data/targets"))
        attempt(lambda: os.chmod("/data/targets", 0o777))
        attempt(lambda: os.rename("/data/targets", "/tmp/targets"))
        say()
        """,
    "planted links": """
        attempt(lambda: os.symlink(P["key"], "/out/t.csv"))
        attempt(lambda: os.symlink("/data/targets", "/out/t.csv"))
        attempt(lambda: os.link("/data/targets", "/out/t.csv"))
        say()
        """,
    "devices": """
        for path in ("/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/nvidia0", "/dev/kvm", "/dev/fuse"):
            attempt(lambda: open(path, "rb"))
        attempt(lambda: os.mknod("/tmp/vda", 0o60666, os.makedev(254, 0)))
        say()
        """,
    "forks": """
        children = 0
        for _ in range(50):
            try:
                pid = os.fork()
            except OSError:
                break
            if pid == 0:
                time.sleep(20)
                os._exit(0)
            children += 1
        hits += max(0, children - 8)
        say()
        """,
    "memory": """
        parts = []
        def grow():
            for _ in range(20):
                parts.append(b"x" * (10 << 20))
        attempt(grow)
        say()
        """,
    "attaches": """
        libc = ctypes.CDLL(None, use_errno=True)
        for pid in (1, os.getppid()):
            attempt(lambda: libc.ptrace(16, pid, 0, 0) == 0)
        attempt(lambda: libc.process_vm_readv(1, 0, 0, 0, 0, 0) == 0)
        attempt(lambda: read(f"/proc/{os.getppid()}/mem"))
        say()
        """,
    "sleeps": """
        import signal
        for number in {*range(1, 32)} - {9, 19}:
            signal.signal(number, signal.SIG_IGN)
        say()
        time.sleep(25)
        """,
    "names": """
        say("code,n\\nsecret,0\\n")
        open("/out/secret.csv", "w")
        """,
    "low bits": """
        say("code,n\\na,20.4865132171727\\na,0.0000031\\n")
        """,
    "many rows": """
        say("code,n\\n" + "a,20\\n" * 10_000)
        """,
}

RED_TEAM = {name: _HEAD + textwrap.dedent(code) for name, code in _TOOLS.items()}
assert len(RED_TEAM) == 16
