"""A small HTTP server that stands for Label Studio: recordings below /data/, behind a user's token."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

RECORDING = Path(__file__).parents[2] / "server/recordings/dog-barking.flac"
LEGACY = "0123456789abcdef0123456789abcdef01234567"
PERSONAL = "head.refresh.signature"


class LabelStudioSite(BaseHTTPRequestHandler):
    """Every request, with its token, is in `seen`. The first access token is refused after its first use."""

    seen: ClassVar[list[tuple[str, str | None]]] = []
    elsewhere: ClassVar[str] = ""
    num_refreshed: ClassVar[int] = 0

    def do_GET(self) -> None:
        token = self.headers.get("Authorization")
        self.seen.append((self.path, token))
        accepted = {f"Token {LEGACY}", f"Bearer access-{self.num_refreshed}"}
        if token not in accepted:
            self.send_error(401)
        elif "/presign/" in self.path:
            self.send_response(302)
            self.send_header("Location", f"{self.elsewhere}/bucket/street.flac?signature=1")
            self.end_headers()
        elif self.path.endswith("street.flac"):
            self._send(RECORDING.read_bytes())
        elif self.path.endswith("text.flac"):
            self._send(b"no sound at all, but long enough to be read")
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/api/token/refresh/" or sent != {"refresh": PERSONAL}:
            self.send_error(401)
            return
        type(self).num_refreshed += 1
        self._send(json.dumps({"access": f"access-{self.num_refreshed}"}).encode())

    def _send(self, content: bytes) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


class OtherSite(LabelStudioSite):
    """Another site, which needs no token."""

    seen: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("Authorization")))
        self._send(RECORDING.read_bytes())


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free port of this machine, and give the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
