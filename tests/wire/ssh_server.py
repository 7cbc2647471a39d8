"""An SSH server in this process: it really executes, forwards, and misbehaves on demand."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_FAILED_CONNECT_FAILED,
    OPEN_SUCCEEDED,
)

SUDO = """#!/bin/sh
# Behaves as sudo does, by the first word of the file beside it.
asked=no
while [ $# -gt 0 ]; do
  case $1 in
    -n) noninteractive=yes; shift ;;
    -S) asked=yes; shift ;;
    -p) shift 2 ;;
    --) shift; break ;;
    *) break ;;
  esac
done
case $(cat "$(dirname "$0")/mode") in
  free) exec "$@" ;;
  denied) echo "guest is not in the sudoers file." >&2; echo "sudo: denied" >&2; exit 1 ;;
esac
if [ "$asked" = no ]; then echo "sudo: a password is required" >&2; exit 1; fi
for try in 1 2 3; do
  IFS= read -r given || break
  [ "$given" = "open sesame" ] && exec "$@"
  echo "Sorry, try again." >&2
done
echo "sudo: 3 incorrect password attempts" >&2
exit 1
"""


@dataclass
class SshServer:
    """The server, and what a test may ask of it.

    Attributes:
        allowed: public keys that are let in. commands: every command line that was executed.
        connections: how many came. cut_after: cut all connections once so many commands began.
        docker_socket: where direct-streamlocal leads; None: prohibited, "": connect failed.
        turned_away: how many connections are closed without a word.
        greeting: a line that every command prints first, and nothing else (a wrong user).
    """

    home: Path
    host_key: paramiko.PKey
    allowed: set[bytes] = field(default_factory=set)
    user: str = "tester"
    commands: list[str] = field(default_factory=list)
    forwards: list[tuple[str, int]] = field(default_factory=list)
    offered: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    docker_socket: str | None = None
    greeting: str = ""
    most_attempts: int = 20
    turned_away: int = 0
    before_command: Callable[[str], None] | None = None
    _transports: list[paramiko.Transport] = field(default_factory=list)
    _listener: socket.socket = field(init=False)
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, port: int = 0) -> None:
        """Listen."""
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(50)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening and end everything."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def cut(self) -> None:
        """Cut every connection without a word; commands go on running, as under systemd."""
        for transport in self._transports:
            transport.sock.close()
        self._transports.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            if self.turned_away > 0:
                self.turned_away -= 1
                raw.close()
                continue
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            transport = paramiko.Transport(raw)
            transport.add_server_key(self.host_key)
            self._transports.append(transport)
            with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
                transport.start_server(event=threading.Event(), server=_Interface(self, transport))

    def run(self, channel: paramiko.Channel, command: str) -> None:
        """Execute *command* and pump its streams."""
        self.commands.append(command)
        if self.before_command is not None:
            self.before_command(command)
        if self.greeting:
            channel.sendall(f"{self.greeting}\n".encode())
            time.sleep(0.3)
            channel.send_exit_status(142)
            channel.close()
            return
        environment = {"PATH": f"{self.home / 'bin'}:{os.environ['PATH']}", "HOME": str(self.home)}
        process = subprocess.Popen(
            ["sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        self._processes.append(process)
        threading.Thread(target=_feed, args=(channel, process), daemon=True).start()
        readers = [
            threading.Thread(target=_pump, args=(process.stdout, channel.sendall), daemon=True),
            threading.Thread(
                target=_pump, args=(process.stderr, channel.sendall_stderr), daemon=True
            ),
        ]
        for reader in readers:
            reader.start()
        code = process.wait()
        readers[0].join(0.5)
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            if code >= 0:
                channel.send_exit_status(code)
            for reader in readers:
                reader.join(30)
            channel.shutdown_write()
            channel.close()


class _Interface(paramiko.ServerInterface):
    """What one connection may do."""

    def __init__(self, server: SshServer, transport: paramiko.Transport) -> None:
        self._server = server
        self._transport = transport
        self._attempts = 0

    def get_allowed_auths(self, username: str) -> str:
        del username
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self._server.offered.append(key.asbytes())
        if username == self._server.user and key.asbytes() in self._server.allowed:
            return AUTH_SUCCESSFUL
        self._attempts += 1
        if self._attempts >= self._server.most_attempts:
            self._transport.sock.close()
        return AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        if kind == "session":
            return OPEN_SUCCEEDED
        if kind != "direct-streamlocal@openssh.com" or self._server.docker_socket is None:
            return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        stream = socket.socket(socket.AF_UNIX)
        try:
            stream.connect(self._server.docker_socket)
        except OSError:
            stream.close()
            return OPEN_FAILED_CONNECT_FAILED
        self._bridge(chanid, stream)
        return OPEN_SUCCEEDED

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        del origin
        self._server.forwards.append(destination)
        try:
            stream = socket.create_connection(destination, 5)
        except OSError:
            return OPEN_FAILED_CONNECT_FAILED
        self._bridge(chanid, stream)
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        line = command.decode()
        threading.Thread(target=self._server.run, args=(channel, line), daemon=True).start()
        return True

    def _bridge(self, chanid: int, stream: socket.socket) -> None:
        threading.Thread(target=self._join, args=(chanid, stream), daemon=True).start()

    def _join(self, chanid: int, stream: socket.socket) -> None:
        channel: Any = None
        while channel is None or channel.get_id() != chanid:
            channel = self._transport.accept(5)
            if channel is None:
                stream.close()
                return
        back = threading.Thread(target=_relay, args=(stream.recv, channel.sendall), daemon=True)
        back.start()
        _relay(channel.recv, stream.sendall)
        with contextlib.suppress(OSError):
            stream.shutdown(socket.SHUT_RDWR)
        back.join(2)
        stream.close()
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            channel.close()


def _feed(channel: paramiko.Channel, process: subprocess.Popen[bytes]) -> None:
    stdin = process.stdin
    if stdin is None:
        return
    with contextlib.suppress(OSError, ValueError):
        while piece := channel.recv(65536):
            stdin.write(piece)
            stdin.flush()
    with contextlib.suppress(OSError, ValueError):
        stdin.close()


def _pump(stream: Any, send: Callable[[bytes], Any]) -> None:
    with stream, contextlib.suppress(OSError, EOFError):
        while piece := os.read(stream.fileno(), 65536):
            send(piece)


def _relay(receive: Callable[[int], bytes], send: Callable[[bytes], Any]) -> None:
    with contextlib.suppress(OSError, EOFError):
        while piece := receive(65536):
            send(piece)
