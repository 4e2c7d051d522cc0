"""A network camera of the tests that speaks ONVIF: WS-Discovery over UDP, its services over HTTP, and a stream."""

import base64
import hashlib
import re
import socket
import struct
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

GROUP, PORT = "239.255.255.250", 3702
USER, PASSWORD = "viewer", "Gr&n<1/@"
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
    'xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:ter="http://www.onvif.org/ver10/error"><env:Body>{}</env:Body>'
    "</env:Envelope>"
)
_DENIED = (
    "<env:Fault><env:Code><env:Value>env:Sender</env:Value><env:Subcode><env:Value>ter:NotAuthorized</env:Value>"
    "</env:Subcode></env:Code><env:Reason><env:Text>Sender not authorized</env:Text></env:Reason></env:Fault>"
)
_MATCH = (
    '<?xml version="1.0"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Header><w:RelatesTo>{message_id}</w:RelatesTo></e:Header>'
    "<e:Body><d:ProbeMatches><d:ProbeMatch><d:Scopes>onvif://www.onvif.org/type/video_encoder "
    "onvif://www.onvif.org/name/Gate%20North</d:Scopes><d:XAddrs>{urls}</d:XAddrs></d:ProbeMatch></d:ProbeMatches>"
    "</e:Body></e:Envelope>"
)
_PROFILES = "".join(
    f'<trt:Profiles token="{token}"><tt:Name>{token}</tt:Name><tt:VideoEncoderConfiguration><tt:Encoding>H264'
    f"</tt:Encoding><tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution>"
    f"<tt:RateControl><tt:FrameRateLimit>{fps}</tt:FrameRateLimit></tt:RateControl></tt:VideoEncoderConfiguration>"
    "</trt:Profiles>"
    for token, width, height, fps in (("main", 1920, 1080, 25), ("sub", 704, 480, 10))
)


class OnvifCamera:
    """A camera at 127.0.0.1.

    Args:
        stream: URL of its stream, as it gives it.
        skew: its clock less ours.
        answer: raw bytes of every HTTP answer instead; None: as ONVIF asks.
        elsewhere: whether it names the services of another host when probed.
        hears: whether it answers probes of the network.
        drips: whether its answers come in drops.
    """

    def __init__(
        self,
        stream: str = "rtsp://127.0.0.1:554/live?profile=1",
        skew: timedelta = timedelta(),
        answer: bytes | None = None,
        *,
        elsewhere: bool = False,
        hears: bool = False,
        drips: bool = False,
    ) -> None:
        self.stream, self.skew, self.answer, self.elsewhere = stream, skew, answer, elsewhere
        self.drips = drips
        self.requests: list[bytes] = []
        self._nonces: set[str] = set()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                camera.requests.append(body)
                status, content = camera.reply(body.decode())
                self.send_response(status)
                self.send_header("Content-Type", "application/soap+xml")
                self.end_headers()
                try:
                    for start in range(0, len(content), 10 if camera.drips else len(content)):
                        self.wfile.write(content[start : start + 10] if camera.drips else content)
                        time.sleep(0.2 if camera.drips else 0)
                except OSError:
                    return

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._socket = self._joined() if hears else None

    @property
    def service(self) -> str:
        return f"http://{self.address}/onvif/device_service"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        if self._socket is not None:
            threading.Thread(target=self._hear, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        if self._socket is not None:
            self._socket.close()

    def reply(self, body: str) -> tuple[int, bytes]:
        """Answer a call; all but the clock need a token that is right, new, and of the camera's own time."""
        if self.answer is not None:
            return 200, self.answer
        name = re.search(r"<e:Body><o:(\w+)", body)[1]
        if name == "GetSystemDateAndTime":
            return 200, _ENVELOPE.format(self._clock()).encode()
        if not self._is_signed(body):
            return 400, _ENVELOPE.format(_DENIED).encode()
        token = re.search(r"<o:ProfileToken>(.*)</o:ProfileToken>", body)
        content = {
            "GetDeviceInformation": "<tds:GetDeviceInformationResponse><tds:Manufacturer>Acme</tds:Manufacturer>"
            "<tds:Model>C-7</tds:Model></tds:GetDeviceInformationResponse>",
            "GetCapabilities": "<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media><tt:XAddr>"
            f"http://{self.address}/onvif/media</tt:XAddr></tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>",
            "GetProfiles": f"<trt:GetProfilesResponse>{_PROFILES}</trt:GetProfilesResponse>",
            "GetStreamUri": "<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>"
            f"{self.stream.replace('&', '&amp;')}</tt:Uri></trt:MediaUri></trt:GetStreamUriResponse>",
        }[name]
        assert name != "GetStreamUri" or token[1] in {"main", "sub"}
        return 200, _ENVELOPE.format(content).encode()

    def _clock(self) -> str:
        now = datetime.now(UTC) + self.skew
        return (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime><tt:Time>"
            f"<tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
            f"</tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
            "</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )

    def _is_signed(self, body: str) -> bool:
        parts = [
            re.search(rf"<\w:{name}[^>]*>([^<]*)</", body) for name in ("Username", "Password", "Nonce", "Created")
        ]
        if not all(parts):
            return False
        user, digest, nonce, created = (part[1] for part in parts)
        expected = hashlib.sha1(base64.b64decode(nonce) + created.encode() + PASSWORD.encode()).digest()  # noqa: S324 - as ONVIF asks
        moment = datetime.strptime(created, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        is_now = abs(moment - datetime.now(UTC) - self.skew) < timedelta(seconds=30)
        is_new = nonce not in self._nonces
        self._nonces.add(nonce)
        return user == USER and base64.b64decode(digest) == expected and is_now and is_new

    def _joined(self) -> socket.socket:
        joined = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        joined.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        joined.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        joined.bind((GROUP, PORT))
        members = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton("127.0.0.1"))
        joined.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, members)
        return joined

    def _hear(self) -> None:
        while True:
            try:
                content, asker = self._socket.recvfrom(65507)
            except OSError:
                return
            message_id = re.search(rb"<w:MessageID>(.*)</w:MessageID>", content)[1].decode()
            urls = (
                "http://10.255.255.1/onvif/device_service" if self.elsewhere else f"http://[fe80::1]/x {self.service}"
            )
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as answering:
                answering.bind(("127.0.0.1", 0))
                answering.sendto(_MATCH.format(message_id=message_id, urls=urls).encode(), asker)
                answering.sendto(
                    _MATCH.format(message_id="urn:uuid:another", urls="http://127.0.0.1:9/x").encode(), asker
                )
                answering.sendto(b"\x00 no XML", asker)
