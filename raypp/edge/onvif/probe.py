"""WS-Discovery: one question to all on the network, and the answers that come within some seconds."""

import re
import socket
import time
import uuid
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from raypp.edge.onvif.document import each, parse_document, text
from raypp.errors import MediaError, OptionError

GROUP, PORT = "239.255.255.250", 3702
_MOST_DATAGRAM = 65_507
_MOST_ANSWERS = 2000
_REPEAT_S = 1.0
_PROBE = """<?xml version="1.0" encoding="UTF-8"?>
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"
 xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"
 xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><e:Header>
<w:MessageID>urn:uuid:{identity}</w:MessageID>
<w:To e:mustUnderstand="true">urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>
<w:Action e:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action>
</e:Header><e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>"""
_NAME = re.compile(r"^onvif://www\.onvif\.org/name/(.+)$")


@dataclass(frozen=True)
class ProbeAnswer:
    """One device that answered, or one answer that cannot be used.

    Attributes:
        host: address that the answer came from.
        service: URL of its device service, on that address; empty where it cannot be used.
        name: of its scopes; empty where it has none.
        problem: what is wrong with it; empty where nothing is.
    """

    host: str
    service: str = ""
    name: str = ""
    problem: str = ""


def probe_network(interface: str | None, seconds: float) -> list[ProbeAnswer]:
    """Ask all cameras of the network, twice, and take answers until the time is over.

    Args:
        interface: address of the interface to ask on; None: the system's choice.
        seconds: how long.

    Returns:
        an answer of each device, by host; devices that answer twice count once.

    Raises:
        OptionError: if the interface cannot be used.
    """
    answers: dict[tuple[str, str], ProbeAnswer] = {}
    identity = str(uuid.uuid4())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        _bind(asking, interface)
        began = time.monotonic()
        repeated = -_REPEAT_S
        sent = 0
        while (passed := time.monotonic() - began) < seconds and len(answers) < _MOST_ANSWERS:
            if sent < 2 and passed - repeated >= _REPEAT_S:
                _send(asking, identity, interface)
                sent, repeated = sent + 1, passed
            asking.settimeout(max(0.01, min(seconds - passed, _REPEAT_S / 4)))
            try:
                content, (host, _) = asking.recvfrom(_MOST_DATAGRAM)
            except (TimeoutError, ConnectionError):
                continue
            for answer in read_answer(content, host, identity):
                answers.setdefault((answer.host, answer.service or answer.problem), answer)
    return sorted(answers.values(), key=lambda answer: (answer.host, answer.service))


def read_answer(content: bytes, host: str, identity: str) -> list[ProbeAnswer]:
    """Read a datagram that came from a host; an answer to another question is left out.

    Args:
        content: the datagram.
        host: where it came from. A service is used only there: an answer may not send us, with a password, elsewhere.
        identity: of the question.
    """
    try:
        root = parse_document(content)
    except MediaError as error:
        return [ProbeAnswer(host, problem=str(error))]
    if not text(root, "RelatesTo").endswith(identity):
        return []
    answers = []
    for match in each(root, "ProbeMatch"):
        urls = text(match, "XAddrs").split()
        own = [url for url in urls if _is_on(url, host)]
        if own:
            names = (_NAME.match(scope) for scope in text(match, "Scopes").split())
            name = next((unquote(scope[1]) for scope in names if scope), "")
            answers.append(ProbeAnswer(host, own[0], name))
        else:
            answers.append(
                ProbeAnswer(host, problem="names no service on its own address; name the camera by its address")
            )
    return answers


def _is_on(url: str, host: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.hostname == host and port != 0


def _bind(asking: socket.socket, interface: str | None) -> None:
    asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    try:
        if interface is not None:
            asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
        asking.bind((interface or "", 0))
    except OSError as error:
        raise OptionError(
            f"`interface` {interface} cannot be used ({error.strerror or error}); give an IPv4 address of this machine"
        ) from None


def _send(asking: socket.socket, identity: str, interface: str | None) -> None:
    try:
        asking.sendto(_PROBE.format(identity=identity).encode(), (GROUP, PORT))
    except OSError as error:
        where = f"on `interface` {interface}" if interface else "on this machine"
        raise OptionError(
            f"no multicast {where} ({error.strerror}); give `interface`, or name cameras by their addresses"
        ) from None
