"""What the machine that runs swarmlay can reach itself."""

import http.client
import socket
import subprocess
import time

from provision.checks.expectations import Outcome

_TIMEOUT = 3.0
_PAGE = 16384


def attempt(words: tuple[str, ...]) -> Outcome:
    """Try what the prober would try, from here; addresses and names are this machine's."""
    kind, target, *more = words
    since = time.monotonic()
    try:
        text = _TRIES[kind](target, more)
    except FileNotFoundError as error:
        return Outcome(None, f"this machine has no {error.filename} command", asked=False)
    except (OSError, http.client.HTTPException, subprocess.SubprocessError) as error:
        return Outcome(None, str(error) or type(error).__name__)
    return Outcome(1000 * (time.monotonic() - since), text)


def _tcp(target: str, more: list[str]) -> str:
    with socket.create_connection((target, int(more[0])), _TIMEOUT):
        return target


def _http(target: str, more: list[str]) -> str:
    connection = http.client.HTTPConnection(target, int(more[0]), timeout=_TIMEOUT)
    try:
        connection.request("GET", more[1], headers={"User-Agent": "swarmlay"})
        answer = connection.getresponse()
        return f"{answer.status} {answer.read(_PAGE).hex()}"
    finally:
        connection.close()


def _name(target: str, _: list[str]) -> str:
    found = socket.getaddrinfo(target, None, socket.AF_INET, socket.SOCK_STREAM)
    return ",".join(dict.fromkeys(str(entry[4][0]) for entry in found))


def _ping(target: str, _: list[str]) -> str:
    """The system's ping: raw sockets are not for everybody."""
    if target.startswith("-"):
        raise OSError(f"{target} is not a name")
    done = subprocess.run(  # noqa: S603 - words, no shell
        ["ping", "-c", "1", "--", target],  # noqa: S607 - wherever the system has it
        capture_output=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode:
        raise OSError("no answer")
    return target


_TRIES = {"tcp": _tcp, "http": _http, "name": _name, "ping": _ping}
