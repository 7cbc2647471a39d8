"""The Engine API through the Docker SDK, over a stream that the transport opens.

The SDK's own ssh:// would open a second connection, and a process for every URL it has not seen.
Only data leaves this module; errors are ours.
"""

import http.client
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

import docker
import requests
import urllib3
from docker.transport.basehttpadapter import BaseHTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from provision.errors import ActionFailed
from provision.transports.streams import Stream

_BASE = "http+docker://engine"
_NEWEST_KNOWN = (1, 47)
_OLDEST_KNOWN = (1, 41)
_MOST_STREAMS = 4
_LARGEST = 64 * 1024 * 1024
_READS = frozenset({"GET", "HEAD"})
DEFAULT_TIMEOUT = 60.0


class EngineError(ActionFailed):
    """The engine said no.

    Attributes:
        status: the HTTP status, 0 when the answer was not one that an engine gives.
        message: the engine's own words.
    """

    def __init__(self, status: int, message: str, *, where: str = "") -> None:
        super().__init__(message, where=where)
        self.status = status
        self.message = message


class EngineUnavailable(ActionFailed):
    """No engine answers."""


class EngineApi(Protocol):
    """What the operations need of an engine; `Engine` is one, the simulated engine another."""

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Any:
        """One request; the decoded answer, or `EngineError`. ``query`` values may be data."""
        ...

    def read(
        self, method: str, path: str, *, query: Mapping[str, Any], timeout: float = DEFAULT_TIMEOUT
    ) -> bytes:
        """One request whose answer is not JSON (a log)."""
        ...


class Engine:
    """One host's engine. May be used by several threads.

    Args:
        dial: opens a stream to the engine, or raises `EngineUnavailable`.
        where: the host's name.
    """

    def __init__(self, dial: Callable[[float], Stream], where: str) -> None:
        self._dial = dial
        self._where = where
        self._lock = threading.Lock()
        self._client: Any = None

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Any:
        """Ask once; a read whose stream broke is asked again on a new one."""
        request = _Request(method, _with_query(path, query), body, dict(headers or {}), timeout)
        return _data(self._asked(request).decode(errors="replace"), self._where)

    def read(
        self, method: str, path: str, *, query: Mapping[str, Any], timeout: float = DEFAULT_TIMEOUT
    ) -> bytes:
        """Ask for what is not JSON."""
        return self._asked(_Request(method, _with_query(path, query), None, {}, timeout))

    def _asked(self, request: "_Request") -> bytes:
        try:
            return self._ask(request)
        except (requests.ConnectionError, urllib3.exceptions.HTTPError) as error:
            self.close()
            if request.method not in _READS:
                raise self._broken(error) from error
        try:
            return self._ask(request)
        except (requests.ConnectionError, urllib3.exceptions.HTTPError) as error:
            raise self._broken(error) from error

    def close(self) -> None:
        """Let go of all streams; the next call opens new ones and negotiates anew."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def _ask(self, request: "_Request") -> bytes:
        client = self._ready(request.timeout)
        url = f"{_BASE}/v{client.api_version}{request.path}"
        data = None if request.body is None else json.dumps(request.body)
        headers = {"Content-Type": "application/json", **request.headers}
        try:
            with client.request(
                request.method,
                url,
                data=data,
                headers=headers,
                timeout=request.timeout,
                stream=True,
                allow_redirects=False,
            ) as response:
                return self._body(response)
        except (requests.Timeout, TimeoutError) as error:
            self.close()
            raise EngineUnavailable(
                f"The Docker engine did not answer within {request.timeout:.0f} s",
                where=self._where,
                why=f"{request.method} {request.path}",
                hint="It may hang: see `journalctl -u docker` on the host.",
            ) from error

    def _body(self, response: Any) -> bytes:
        raw: bytes = response.raw.read(_LARGEST + 1, decode_content=True)
        if len(raw) > _LARGEST:
            raise EngineError(0, "the engine's answer is too long", where=self._where)
        if response.status_code >= http.client.BAD_REQUEST:
            message = _message(raw.decode(errors="replace"))
            raise EngineError(response.status_code, message, where=self._where)
        if response.status_code >= http.client.MULTIPLE_CHOICES and raw:
            raise EngineError(0, f"unexpected status {response.status_code}", where=self._where)
        return raw

    def _ready(self, timeout: float) -> Any:
        """The SDK's client, made at the first call."""
        with self._lock:
            if self._client is None:
                self._client = self._new_client(min(timeout, DEFAULT_TIMEOUT))
            return self._client

    def _new_client(self, timeout: float) -> Any:
        stream = self._dial(timeout)
        stream.settimeout(timeout)
        version = _negotiate(stream, self._where)
        try:
            # The constructor makes no request when it is given a version; the address is not used.
            client = docker.APIClient(base_url="tcp://engine:2375", version=version)
        except docker.errors.DockerException as error:
            raise EngineUnavailable(
                "The Docker SDK does not start", where=self._where, why=str(error)
            ) from error
        client.trust_env = False  # a proxy of this machine has no say in a host's socket
        client.base_url = _BASE
        client.mount("http+docker://", _Adapter(_Streams(self._dial, stream)))
        return client

    def _broken(self, error: Exception) -> EngineUnavailable:
        return EngineUnavailable(
            "The connection to the Docker engine broke",
            where=self._where,
            why=str(error),
            hint="Was the engine restarted? Run the same command again.",
        )


class _Request:
    """One request, so that it can be sent twice."""

    __slots__ = ("body", "headers", "method", "path", "timeout")

    def __init__(
        self, method: str, path: str, body: Any, headers: dict[str, str], timeout: float
    ) -> None:
        self.method = method
        self.path = path
        self.body = body
        self.headers = headers
        self.timeout = timeout


class _Streams:
    """Opens streams for the pool; the one that negotiation used is handed out first."""

    def __init__(self, dial: Callable[[float], Stream], first: Stream) -> None:
        self._dial = dial
        self._first: Stream | None = first
        self._lock = threading.Lock()

    def __call__(self, timeout: float) -> Stream:
        with self._lock:
            first, self._first = self._first, None
        if first is not None and not first.ended:
            return first
        return self._dial(timeout)


class _Connection(HTTPConnection):
    """An HTTP connection whose socket is a stream."""

    def __init__(self, streams: _Streams) -> None:
        super().__init__("engine")
        self._streams = streams

    def connect(self) -> None:
        """Open the stream."""
        timeout = self.timeout if isinstance(self.timeout, (int, float)) else DEFAULT_TIMEOUT
        self.sock: Any = self._streams(timeout)
        self.sock.settimeout(timeout)

    @property
    def is_connected(self) -> bool:
        """Whether it can be used again."""
        return self.sock is not None and not self.sock.ended


class _Pool(HTTPConnectionPool):
    """Keeps a few streams open and uses them again."""

    def __init__(self, streams: _Streams) -> None:
        super().__init__("engine", maxsize=_MOST_STREAMS, block=True, retries=False)
        self._streams = streams

    def _new_conn(self) -> Any:
        return _Connection(self._streams)


class _Adapter(BaseHTTPAdapter):
    """Hands every request of the SDK to the one pool."""

    def __init__(self, streams: _Streams) -> None:
        self._pool = _Pool(streams)
        super().__init__(max_retries=0)

    def get_connection(self, url: str | bytes, proxies: Any = None) -> _Pool:
        """The pool, whatever the URL."""
        del url, proxies
        return self._pool

    def request_url(self, request: Any, proxies: Any) -> str:
        """The path only: there is no host in it to name."""
        del proxies
        return str(request.path_url)

    def close(self) -> None:
        """Close all streams."""
        super().close()
        self._pool.close()


def _negotiate(stream: Stream, where: str) -> str:
    """The API version to speak, from the engine's ping."""
    connection = http.client.HTTPConnection("engine")
    connection.sock = stream
    try:
        connection.request("GET", "/_ping")
        response = connection.getresponse()
        response.read()
    except (http.client.HTTPException, OSError, EOFError) as error:
        stream.close()
        raise EngineUnavailable(
            "The Docker engine does not answer",
            where=where,
            why=str(error),
            hint="Is it running (`systemctl status docker` on the host)?",
        ) from error
    newest = _version(response.getheader("Api-Version") or "")
    if newest is None:
        stream.close()
        raise EngineUnavailable(
            "What answers on the Docker socket is not a Docker engine",
            where=where,
            why=f"HTTP {response.status} without an API version",
        )
    if newest < _OLDEST_KNOWN:
        stream.close()
        raise EngineUnavailable(
            "The Docker engine is too old",
            where=where,
            why=f"it speaks API {newest[0]}.{newest[1]}; 1.41 (engine 20.10) is needed",
        )
    return "{}.{}".format(*min(newest, _NEWEST_KNOWN))


def _version(text: str) -> tuple[int, int] | None:
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None


def _with_query(path: str, query: Mapping[str, Any] | None) -> str:
    """*path* with a query string: booleans and data as the Engine API wants them."""
    pairs = {key: _scalar(value) for key, value in (query or {}).items() if value is not None}
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _message(text: str) -> str:
    """The engine's own words in an error answer."""
    try:
        data = json.loads(text)
    except ValueError:
        return text.strip()[:500] or "no reason given"
    said = data.get("message") if isinstance(data, dict) else None
    return said if isinstance(said, str) else text.strip()[:500]


def _data(text: str, where: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        lines = text.strip().splitlines()
        try:
            return [json.loads(line) for line in lines]  # progress: one document a line
        except ValueError:
            raise EngineError(
                0, f"the engine's answer is not JSON: {text[:200]!r}", where=where
            ) from error
