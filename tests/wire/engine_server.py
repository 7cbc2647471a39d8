"""The simulated engine behind a Unix socket, as a real one is."""

import contextlib
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from provision.transports.simulated.engine import SimulatedEngine
from provision.transports.simulated.rest import Refusal


class EngineServer(socketserver.ThreadingUnixStreamServer):
    """Serves one engine; a test may replace an answer to see how garbage is borne.

    Attributes:
        spoiled: path → the raw body that is sent instead, with status 200.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, path: Path, engine: SimulatedEngine) -> None:
        self.engine = engine
        self.spoiled: dict[str, bytes] = {}
        self.version: str | None = "1.41"
        self.streams = 0
        super().__init__(str(path), _Handler)
        self.path = path

    def start(self) -> None:
        """Serve in a thread."""
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up when they like."""
        del request, client_address


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: EngineServer

    def setup(self) -> None:
        super().setup()
        self.server.streams += 1

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        del format, args

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        parts = urlsplit(self.path)
        if parts.path == "/_ping":
            self._send(200, b"OK")
            return
        path = parts.path.removeprefix(f"/v{self.server.version}")
        if path in self.server.spoiled:
            self._send(200, self.server.spoiled[path])
            return
        query = {key: _decoded(value) for key, value in parse_qsl(parts.query)}
        if path.startswith("/distribution/"):
            image = path.removeprefix("/distribution/").removesuffix("/json").replace("/", "%2F")
            path = f"/distribution/{image}/json"
        try:
            data = self.server.engine.handle(self.command, path, query, body)
        except Refusal as refusal:
            self._send(refusal.status, json.dumps({"message": refusal.message}).encode())
            return
        self._send(200, b"" if data is None else json.dumps(data).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if self.server.version is not None:
            self.send_header("Api-Version", self.server.version)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _decoded(value: str) -> Any:
    try:
        return json.loads(unquote(value))
    except ValueError:
        return value
