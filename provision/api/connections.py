"""Sessions to all hosts of an inventory, opened at once; a dead host is an answer."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from threading import Thread

from provision.api.settings import Environment
from provision.errors import HostError
from provision.model.inventory import Inventory
from provision.model.session import Session, Transport

Sessions = Mapping[str, Session | HostError]


def ssh_transport(inventory: Inventory, env: Environment) -> Transport:
    """The SSH transport for the inventory's hosts."""
    from provision.transports.ssh import SshTransport  # noqa: PLC0415 - paramiko costs 0.15 s

    return SshTransport(
        {h.name: h.ssh for h in inventory.hosts},
        environment=env.variables,
        ask_password=env.ask_password,
        notice=env.notice,
    )


def open_all(inventory: Inventory, transport: Transport, parallel: int) -> Sessions:
    """An open session per host, or why there is none."""

    def one(name: str) -> Session | HostError:
        try:
            return transport.connect(name)
        except HostError as error:
            return error

    names = [h.name for h in inventory.hosts]
    with ThreadPoolExecutor(max(1, min(parallel, len(names)))) as pool:
        return dict(zip(names, pool.map(one, names), strict=True))


def prepare_engine_questions() -> None:
    """Import the Docker SDK while the hosts answer their script: it is needed right after."""
    name = "provision.transports.docker_operations"
    Thread(target=import_module, args=(name,), daemon=True, name="swarmlay-import").start()


def close_all(sessions: Sessions) -> None:
    """End every session."""
    for session in sessions.values():
        if not isinstance(session, HostError):
            session.close()
