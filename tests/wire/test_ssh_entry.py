"""Being let in over SSH: keys, agent, ssh_config, host keys, bastions, booting hosts."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from provision.errors import AuthenticationFailed, HostKeyMismatch, HostUnreachable
from provision.transports.authentication import PASSPHRASE_VARIABLE
from provision.transports.ssh import forget

pytestmark = pytest.mark.wire


def _works(session: Any) -> bool:
    return bool(session.ask("echo in", sudo=False).stdout == "in\n")


def test_the_named_key_lets_in(site: Any) -> None:
    """The key of the inventory is tried first, and nothing else is offered."""
    assert _works(site.connect())
    assert len(set(site.server.offered)) == 1


def test_one_connection_serves_everything(site: Any) -> None:
    """However much is asked, the host sees one connection."""
    session = site.connect()
    for _ in range(5):
        session.ask("true", sudo=False)

    assert site.server.connections == 1


def test_a_refused_key_tells_what_was_tried(site: Any) -> None:
    """Who is refused reads user, keys and the usual users."""
    site.server.allowed.clear()

    with pytest.raises(AuthenticationFailed) as raised:
        site.connect()

    assert "does not let tester in" in str(raised.value)
    assert site.key_file.name in raised.value.why
    assert "ubuntu" in raised.value.hint


def test_a_missing_key_file_is_named(site: Any) -> None:
    """A key that is not there is an error of its own, not a refusal."""
    with pytest.raises(AuthenticationFailed, match="no key file"):
        site.connect(site.target(key="/nowhere/key"))


def test_a_key_that_is_none_is_named(site: Any) -> None:
    """A file that is no private key is called that."""
    (site.directory / "rubbish").write_text("rubbish")

    with pytest.raises(AuthenticationFailed, match="not a private key"):
        site.connect(site.target(key=str(site.directory / "rubbish")))


@pytest.fixture
def locked_key(site: Any, make_key: Callable[..., paramiko.PKey]) -> Path:
    """A key file with a passphrase, which the server lets in."""
    path = Path(site.directory / "id_locked")
    site.server.allowed = {make_key(path, "correct horse").asbytes()}
    return path


def test_a_passphrase_may_come_from_the_environment(site: Any, locked_key: Path) -> None:
    """A key with a passphrase is unlocked with the variable's."""
    site.environment[PASSPHRASE_VARIABLE] = "correct horse"

    assert _works(site.connect(site.target(key=str(locked_key))))


def test_a_passphrase_is_asked_for_once(site: Any, locked_key: Path) -> None:
    """The person is asked once a run, however many hosts need the key."""
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return "correct horse"

    targets = [site.target(name=f"web{n}", key=str(locked_key)) for n in (1, 2)]
    transport = site.transport(*targets, ask_password=ask)
    sessions = [transport.connect(f"web{n}") for n in (1, 2)]
    site.sessions.extend(sessions)

    assert all(_works(session) for session in sessions)
    assert asked == [f"Passphrase for {locked_key}: "]


def test_nobody_to_ask_is_said(site: Any, locked_key: Path) -> None:
    """Without a terminal a passphrase is not waited for."""
    with pytest.raises(AuthenticationFailed) as raised:
        site.connect(site.target(key=str(locked_key)))

    assert "needs a passphrase" in str(raised.value)
    assert "ssh-add" in raised.value.hint


def test_a_wrong_passphrase_is_said(site: Any, locked_key: Path) -> None:
    """A wrong passphrase is called so, and not shown."""
    site.environment[PASSPHRASE_VARIABLE] = "wrong horse"

    with pytest.raises(AuthenticationFailed, match="does not open") as raised:
        site.connect(site.target(key=str(locked_key)))
    assert "wrong horse" not in f"{raised.value}{raised.value.hint}"


@pytest.fixture
def agent(site: Any) -> Iterator[Callable[[Path], None]]:
    """An ssh-agent; adds keys to it."""
    path = site.directory / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    end = time.monotonic() + 5
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.01)
    site.environment["SSH_AUTH_SOCK"] = str(path)

    def add(key: Path) -> None:
        environment = {**os.environ, "SSH_AUTH_SOCK": str(path)}
        subprocess.run(["ssh-add", "-q", str(key)], env=environment, check=True)

    yield add
    process.terminate()
    process.wait(5)


def test_the_agent_lets_in(site: Any, agent: Callable[[Path], None]) -> None:
    """Without a key in the inventory the agent's are tried."""
    agent(site.key_file)

    assert _works(site.connect(site.target(key=None)))


def test_an_agent_holds_the_passphrase(
    site: Any, agent: Callable[[Path], None], make_key: Callable[..., paramiko.PKey]
) -> None:
    """A named key with a passphrase needs none when the agent holds it."""
    path = Path(site.directory / "id_held")
    site.server.allowed = {make_key(path).asbytes()}
    agent(path)
    words = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(path)]
    subprocess.run(words, check=True)

    assert _works(site.connect(site.target(key=str(path))))


def test_too_many_keys_are_named_as_the_cause(
    site: Any, agent: Callable[[Path], None], make_key: Callable[..., paramiko.PKey]
) -> None:
    """A host that throws us out after a few keys is understood; the named key goes first."""
    for number in range(4):
        make_key(Path(site.directory / f"id_{number}"))
        agent(Path(site.directory / f"id_{number}"))
    site.server.most_attempts = 3

    with pytest.raises(AuthenticationFailed) as raised:
        site.connect(site.target(key=None))

    assert "ended the connection" in str(raised.value)
    assert "IdentitiesOnly" in raised.value.hint
    assert _works(site.connect())


def test_ssh_config_is_honoured_with_include(site: Any) -> None:
    """An alias, its port, user and key may stand in an included file."""
    folder = site.directory / ".ssh" / "conf.d"
    folder.mkdir(parents=True)
    (folder / "lab.conf").write_text(
        f"Host web\n  HostName 127.0.0.1\n  Port {site.server.port}\n  User tester\n"
        f"  IdentityFile {site.key_file}\n  IdentitiesOnly yes\n"
    )
    config = site.directory / ".ssh" / "config"
    config.write_text("Include conf.d/*.conf\nHost *\n  User nobody\n")
    target = site.target(address="web", port=None, user=None, key=None, ssh_config="~/.ssh/config")

    assert _works(site.connect(target))


def test_a_new_host_key_is_recorded_once(site: Any) -> None:
    """accept-new records the key under [address]:port and says so; ten at once leave one line."""
    said: list[str] = []
    targets = [site.target(name=f"web{n}") for n in range(10)]
    transport = site.transport(*targets, notice=said.append)

    def connect(name: str) -> None:
        site.sessions.append(transport.connect(name))

    threads = [threading.Thread(target=connect, args=(t.name,)) for t in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lines = (site.directory / "known_hosts").read_text().splitlines()
    assert [line.split()[0] for line in lines] == [f"[127.0.0.1]:{site.server.port}"]
    assert len(said) == 1
    assert "SHA256:" in said[0]
    assert len(site.sessions) == 10


def test_a_changed_host_key_is_refused(site: Any) -> None:
    """Another key than the recorded one is refused with the command that forgets it."""
    site.connect().close()
    site.server.host_key = paramiko.ECDSAKey.generate()

    with pytest.raises(HostKeyMismatch) as raised:
        site.connect()

    assert "swarmlay hosts forget web1" in raised.value.hint
    assert raised.value.why.count("SHA256:") == 2


def test_a_forgotten_key_is_recorded_anew(site: Any) -> None:
    """After `forget` the host's new key is taken; forgetting again finds nothing."""
    site.connect().close()
    site.server.host_key = paramiko.ECDSAKey.generate()
    known_hosts, target = str(site.directory / "known_hosts"), site.target()

    assert forget(known_hosts, target, site.environment)
    assert not forget(known_hosts, target, site.environment)
    assert _works(site.connect())


def test_a_changed_kind_of_key_is_refused(site: Any) -> None:
    """A host on record with an ECDSA key that now shows an Ed25519 one is another host."""
    site.connect().close()
    site.server.host_key = paramiko.RSAKey.generate(2048)

    with pytest.raises(HostKeyMismatch):
        site.connect()


def test_strict_refuses_what_is_not_on_record(site: Any) -> None:
    """With host_key: strict an unknown host is refused, its fingerprint shown, nothing recorded."""
    with pytest.raises(HostKeyMismatch) as raised:
        site.connect(site.target(host_key="strict"))

    assert "SHA256:" in raised.value.why
    assert not (site.directory / "known_hosts").exists()


def test_off_neither_checks_nor_records(site: Any) -> None:
    """With host_key: off any key will do."""
    site.connect().close()
    site.server.host_key = paramiko.ECDSAKey.generate()

    assert _works(site.connect(site.target(host_key="off")))


def test_bastions_of_any_depth(new_site: Callable[..., Any]) -> None:
    """Two bastions in a row lead to the host, and each one's key is recorded."""
    first, second, last = (new_site(name) for name in ("first", "second", "last"))
    bastion = ",".join(f"tester@127.0.0.1:{site.server.port}" for site in (first, second))

    assert _works(last.connect(last.target(bastion=bastion)))
    assert first.server.forwards == [("127.0.0.1", second.server.port)]
    assert second.server.forwards == [("127.0.0.1", last.server.port)]
    assert len((last.directory / "known_hosts").read_text().splitlines()) == 3


def test_proxy_jump_leads_there(new_site: Callable[..., Any]) -> None:
    """ssh_config's ProxyJump works as a bastion does, that of the bastion included."""
    first, second, last = (new_site(name) for name in ("first", "second", "last"))
    config = last.directory / "config"
    config.write_text(
        f"Host last\n  HostName 127.0.0.1\n  ProxyJump second\n"
        f"Host second\n  HostName 127.0.0.1\n  Port {second.server.port}\n  ProxyJump first\n"
        f"Host first\n  HostName 127.0.0.1\n  Port {first.server.port}\n"
        f"Host *\n  User tester\n"
    )

    assert _works(last.connect(last.target(address="last", ssh_config=str(config))))
    assert second.server.forwards == [("127.0.0.1", last.server.port)]


def test_a_bastion_with_a_changed_key_is_refused(new_site: Callable[..., Any]) -> None:
    """A bastion's key is checked by the same rules as a host's."""
    gate, last = new_site("gate"), new_site("last")
    target = last.target(bastion=f"tester@127.0.0.1:{gate.server.port}")
    last.connect(target).close()
    gate.server.host_key = paramiko.ECDSAKey.generate()

    with pytest.raises(HostKeyMismatch, match="bastion"):
        last.connect(target)


def test_what_the_bastion_cannot_reach_is_said(new_site: Callable[..., Any]) -> None:
    """A host behind a bastion that is down is told apart from a bastion that is."""
    gate, last = new_site("gate"), new_site("last")
    last.server.stop()

    with pytest.raises(HostUnreachable, match="The bastion cannot connect"):
        last.connect(last.target(port=1, bastion=f"tester@127.0.0.1:{gate.server.port}"))


@pytest.mark.parametrize("address", ["-oProxyCommand=touch /tmp/x", "a;b", "$(id)", "a b", ""])
def test_an_address_is_only_an_address(site: Any, address: str) -> None:
    """An address that is an option or shell is refused before anything is dialled."""
    with pytest.raises(HostUnreachable, match="neither a host name nor an IP address"):
        site.connect(site.target(address=address))


def test_a_name_that_does_not_resolve_is_not_waited_for(site: Any) -> None:
    """A typing error in a name is told at once, whatever `wait` says."""
    began = time.monotonic()

    with pytest.raises(HostUnreachable, match="does not resolve"):
        site.connect(site.target(address="no-such-host.invalid", wait=30.0))
    assert time.monotonic() - began < 15


def test_a_refused_connection_says_so(site: Any) -> None:
    """A host without an SSH server is told at once where nothing is waited for."""
    site.server.stop()

    with pytest.raises(HostUnreachable, match="refused"):
        site.connect(site.target(port=1))


def test_a_host_that_boots_is_waited_for(site: Any) -> None:
    """Within `wait` seconds refused connections are tried again."""
    port = site.server.port
    site.server.stop()
    timer = threading.Timer(0.8, site.server.start, args=(port,))
    timer.start()

    assert _works(site.connect(site.target(port=port, wait=20.0)))
    timer.join()


def test_being_thrown_out_at_the_door_is_tried_again(site: Any) -> None:
    """A server drops connections while many log in (MaxStartups); that passes without `wait`."""
    site.server.turned_away = 2

    assert _works(site.connect())
    assert site.server.connections == 1


def test_a_refusal_is_not_waited_out(site: Any) -> None:
    """Who is not let in is not let in later either: `wait` does not apply."""
    site.server.allowed.clear()
    began = time.monotonic()

    with pytest.raises(AuthenticationFailed):
        site.connect(site.target(wait=30.0))
    assert time.monotonic() - began < 10


def test_something_that_is_no_ssh_server(site: Any) -> None:
    """A port that accepts and says nothing is given up within the time for one attempt."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        began = time.monotonic()

        with pytest.raises(HostUnreachable, match="does not finish an SSH handshake"):
            site.connect(site.target(port=listener.getsockname()[1], connect_timeout=1.0))
    assert time.monotonic() - began < 8


def test_the_wrong_user_is_told_the_right_one(site: Any) -> None:
    """Cloud images let root in only to name the user: that becomes the error."""
    site.server.greeting = 'Please login as the user "admin" rather than the user "root".'
    session = site.connect()

    with pytest.raises(AuthenticationFailed, match="admin"):
        session.ask("true", sudo=False)


def test_first_exec_is_not_held_back(openssh: Any) -> None:
    """Connection and first command are through well before four delayed acknowledgements."""
    times = []
    for _ in range(5):
        began = time.monotonic()
        session = openssh.connect()
        channel = session.connect(0).transport.open_session()
        channel.close()
        times.append(time.monotonic() - began)
        session.close()

    assert min(times) < 0.1
