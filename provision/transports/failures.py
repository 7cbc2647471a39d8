"""What a failed attempt to reach a host means, and which failures may be tried again."""

import errno
import socket

import paramiko

from provision.errors import AuthenticationFailed, HostError, HostUnreachable


class NotYetReachable(HostUnreachable):
    """No way to the host *now*: a host that boots may look like this, so it is worth waiting."""


class HandshakeFailed(NotYetReachable):
    """Connected, and then thrown out: a server that boots, or that has too many at its door."""


class OutcomeUnknown(HostUnreachable):
    """The connection broke while a step was under way: it may or may not have been done."""


_BOOTING = frozenset(
    {
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.ETIMEDOUT,
        errno.EPIPE,
    }
)

_HINTS = {
    errno.ECONNREFUSED: "The host is there but no SSH server listens on that port. "
    "Is sshd running, and is `port` right?",
    errno.EHOSTUNREACH: "Is the host up, and is there a route or VPN to it?",
    errno.ENETUNREACH: "Is this machine online, and is there a route or VPN to the host?",
}
_SILENT = (
    "Nothing answered: is the host up, and does a firewall or security group let TCP {port} "
    "through from here?"
)


def dial_failure(error: OSError, *, where: str, address: str, port: int) -> HostUnreachable:
    """The error for a TCP connection that did not come about."""
    what = f"Cannot connect to {address} port {port}"
    if isinstance(error, socket.gaierror):
        kind = NotYetReachable if error.errno == socket.EAI_AGAIN else HostUnreachable
        hint = "Check `address` in the inventory, or the name server."
        return kind(
            what, where=where, why=f"the name does not resolve: {error.strerror}", hint=hint
        )
    if isinstance(error, TimeoutError):
        return NotYetReachable(what, where=where, why="timed out", hint=_SILENT.format(port=port))
    kind = NotYetReachable if error.errno in _BOOTING else HostUnreachable
    why = error.strerror or str(error)
    return kind(what, where=where, why=why.lower(), hint=_HINTS.get(error.errno or 0, ""))


def handshake_failure(error: Exception, *, where: str, address: str) -> HostError:
    """The error for an SSH handshake that did not come about (host keys are judged elsewhere)."""
    if isinstance(error, HostError):
        return error
    if isinstance(error, paramiko.AuthenticationException):
        return AuthenticationFailed("The host does not let us in", where=where, why=str(error))
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return HostUnreachable(
            "The SSH server and swarmlay share no algorithm", where=where, why=str(error)
        )
    why = str(error) or type(error).__name__
    return HandshakeFailed(
        f"{address} accepts connections but does not finish an SSH handshake",
        where=where,
        why=why,
        hint="Is it an SSH server, and is it still starting?",
    )


def lost(where: str, why: str = "") -> HostUnreachable:
    """The error for a connection that broke while nothing was at stake."""
    return NotYetReachable("The connection was lost", where=where, why=why)


def outcome_unknown(where: str, doing: str) -> HostUnreachable:
    """The error for a connection that broke while something was being changed."""
    return OutcomeUnknown(
        f"The connection was lost during: {doing}",
        where=where,
        why="whether it was done is not known",
        hint="Run the same command again: it looks at the host first and does what is missing.",
    )
