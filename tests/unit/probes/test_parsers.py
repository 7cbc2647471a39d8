"""What is special about single answers."""

import base64
import json
from typing import Any

import pytest

from provision.model.facts import Known, Unknown
from provision.model.observed import Engine, Listener, Membership, OperatingSystem, Route
from provision.model.probes import Answer, excerpt
from provision.probes import engine, files, kernel, listeners, network, packages, system
from provision.probes.engine.certificate import subject


def docker(**said: str) -> dict[str, Any]:
    """The facts of the engine probe from what its script printed."""
    sections = {"binary": "/usr/sbin/dockerd", "conflicts": "", "enabled": "x", "running": "yes"}
    sections |= {"daemon": ""} | {name.replace("__", "/"): text for name, text in said.items()}
    text = "".join(f"@@ {name}\n{body}\n" for name, body in sections.items())
    fact = engine.parse(Answer(0, text))
    assert isinstance(fact, Known)
    return dict(fact.value)


def http(body: Any, status: str = "200 OK") -> str:
    """An answer of the Engine API."""
    return f"HTTP/1.0 {status}\r\nApi-Version: 1.43\r\n\r\n{json.dumps(body)}"


INFO = {"ServerVersion": "27.1.0", "Swarm": {"LocalNodeState": "inactive"}}


def test_without_an_engine_nothing_else_is_to_be_known() -> None:
    """Known to be absent, which is not the same as unknown."""
    found = docker(binary="", running="")
    assert found["engine"] == found["swarm"] == Known(None)
    assert found["containers"] == Known(())


def test_an_engine_that_runs() -> None:
    """Its version and API version."""
    found = docker(__info=http(INFO), **{"__containers/json?all=1": http([])})
    assert found["engine"].value.version == "27.1.0"
    assert found["engine"].value.api_version == "1.43"
    assert found["engine"].value.running


def test_an_engine_that_hangs_has_a_problem() -> None:
    """SSH works and the API is silent: a finding, no exception."""
    found = docker(problem="does not answer within 5 s")
    assert found["engine"].value.problem == "does not answer within 5 s"
    assert not found["engine"].value.running
    assert found["swarm"] == Known(Membership("inactive"))
    assert isinstance(found["containers"], Unknown)


def test_a_silent_engine_with_swarm_state_is_not_outside_a_swarm() -> None:
    """Or a second swarm would be made."""
    found = docker(running="", **{"docker-state.json": "{}"})
    assert isinstance(found["swarm"], Unknown)
    assert isinstance(found["engine"], Known)


@pytest.mark.parametrize("text", ["{", "[]", "nonsense"])
def test_broken_settings_make_the_engine_unknown(text: str) -> None:
    """They would be overwritten otherwise."""
    found = docker(daemon=base64.b64encode(text.encode()).decode())
    assert isinstance(found["engine"], Unknown)
    assert "daemon.json" in found["engine"].reason


def test_an_error_of_the_api_is_a_problem() -> None:
    """With the engine's own words."""
    found = docker(__info=http({"message": "client is too old"}, "400 Bad Request"))
    assert found["engine"].value == Engine(problem="client is too old")


def test_containers_of_others_are_listed_too() -> None:
    """Their names are taken; commas and equals signs in labels are no trouble."""
    labels = {"io.swarmlay.cluster": "demo", "note": "a=b,c"}
    listed = [
        {"Id": "2", "Names": ["/web"], "Image": "nginx", "State": "running", "Labels": labels},
        {"Id": "1", "Names": ["/db"], "Image": "redis", "State": "exited", "Labels": {}},
    ]
    found = docker(__info=http(INFO), **{"__containers/json?all=1": http(listed)})
    assert [c.name for c in found["containers"].value] == ["db", "web"]
    assert found["containers"].value[1].labels == labels
    assert found["engine"].value.running_containers == ("web",)


@pytest.mark.parametrize(
    "pem", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_no_certificate_no_names(pem: str) -> None:
    """A cluster id that cannot be read is empty, never wrong."""
    assert subject(pem) == {}


def test_other_engines_are_named() -> None:
    """Also where there is no engine of the usual kind."""
    found = docker(binary="", running="", conflicts="snap\nrootless")
    assert found["conflicts"] == Known(("snap", "rootless"))


@pytest.mark.parametrize(
    ("text", "able"),
    [
        ("vxlan yes\nip_vs no\nesp \n", {"vxlan": True, "ip_vs": False}),
        ("", {}),
    ],
)
def test_an_ability_that_cannot_be_told_is_absent(text: str, able: dict[str, bool]) -> None:
    """Neither able nor unable."""
    fact = kernel.parse(Answer(0, f"@@ release\n6.1.0\n@@ able\n{text}"))
    assert isinstance(fact, Known)
    assert fact.value.able == able


def test_no_kernel_release_is_unknown() -> None:
    """Rather than a kernel without a name."""
    assert isinstance(kernel.parse(Answer(127, "sh: uname: not found")), Unknown)


def test_ubuntu_is_read() -> None:
    """Quoted and plain values."""
    text = "@@ os\n" + 'ID=ubuntu\nID_LIKE="debian x"\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n'
    fact = system.parse(Answer(0, text + "@@ architecture\nx86_64\n@@ hostname\na\n@@ machine\n\n"))
    assert isinstance(fact, Known)
    assert fact.value["os"] == Known(OperatingSystem("ubuntu", "24.04", "noble", ("debian", "x")))
    assert fact.value["architecture"] == Known("amd64")


def test_routes_of_all_kinds() -> None:
    """Default, host, multipath and IPv6 routes; those without a device lead nowhere."""
    four = [
        {"dst": "default", "gateway": "10.0.0.1", "dev": "eth0"},
        {"dst": "10.9.9.9", "dev": "tun0", "prefsrc": "10.8.0.1"},
        {"dst": "10.7.0.0/16", "nexthops": [{"gateway": "10.0.0.2", "dev": "a"}, {"dev": "b"}]},
        {"type": "blackhole", "dst": "10.6.0.0/16"},
    ]
    six = [{"dst": "default", "dev": "eth0"}]
    text = f"@@ addresses\n[]\n@@ routes\n{json.dumps(four)}\n@@ routes6\n{json.dumps(six)}\n"
    fact = network.parse(Answer(0, text))
    assert isinstance(fact, Known)
    assert fact.value["routes"] == Known(
        (
            Route("0.0.0.0/0", "eth0", "10.0.0.1"),
            Route("10.9.9.9/32", "tun0", source="10.8.0.1"),
            Route("10.7.0.0/16", "a", "10.0.0.2"),
            Route("10.7.0.0/16", "b"),
            Route("::/0", "eth0"),
        )
    )


def test_one_fact_of_the_network_does_not_spoil_another() -> None:
    """Without the ip command the name servers are still known."""
    text = "@@ addresses\nsh: ip: not found\n@@ routes\n@@ routes6\n@@ resolv\nnameserver 9.9.9.9\n"
    fact = network.parse(Answer(0, text))
    assert isinstance(fact, Known)
    assert isinstance(fact.value["interfaces"], Unknown)
    assert "not found" in fact.value["interfaces"].reason
    assert fact.value["nameservers"] == Known(("9.9.9.9",))


def packaged(states: str, *, interrupted: str = "", locks: str = "") -> Any:
    """The packages fact."""
    fact = packages.parse(
        Answer(
            0,
            f"@@ packages\n{states}\n@@ interrupted\n{interrupted}\n"
            f"@@ locks\n{locks}\n@@ cloud-init\nabsent\n",
        )
    )
    assert isinstance(fact, Known)
    return fact.value


def test_states_of_packages() -> None:
    """Installed, held, removed with its settings left, broken."""
    found = packaged("ii |iptables|1.8\nhi |docker-ce|5:28\nrc |ufw|0.36\niF |docker.io|20.10")
    assert found.installed == {"iptables": "1.8", "docker-ce": "5:28"}
    assert found.held == ("docker-ce",)
    assert found.interrupted


@pytest.mark.parametrize(
    ("states", "updates", "interrupted"),
    [
        ("ii |a|1", "", False),
        ("ii |a|1", "/var/lib/dpkg/updates/0001", True),
        ("iiR|a|1", "", True),
    ],
)
def test_an_interrupted_dpkg_is_seen(states: str, updates: str, interrupted: bool) -> None:
    """By its journal or by a package's state."""
    assert packaged(states, interrupted=updates).interrupted is interrupted


@pytest.mark.parametrize(
    ("locks", "holder"),
    [
        ("812 unattended-upgr\n812 unattended-upgr", "unattended-upgr (812)"),
        ("0 ", "a process (0)"),
        ("", ""),
    ],
)
def test_who_holds_the_lock(locks: str, holder: str) -> None:
    """By name where it can be seen."""
    assert packaged("", locks=locks).locked_by == holder


def test_a_system_without_dpkg_is_unknown() -> None:
    """Not "nothing installed"."""
    assert packages.parse(Answer(1, "neither dpkg nor rpm on this host")) == Unknown(
        "packages: neither dpkg nor rpm on this host"
    )


def test_listeners() -> None:
    """Each once, with the process; VXLAN's socket belongs to the kernel."""
    text = (
        'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))\n'
        'tcp LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=1,fd=4))\n'
        "udp UNCONN 0 0 0.0.0.0:4789 0.0.0.0:*\n"
    )
    assert listeners.parse(Answer(0, text)) == Known(
        (Listener(22, "tcp", "sshd"), Listener(4789, "udp", "kernel"))
    )
    assert listeners.parse(Answer(127, "sh: ss: not found")) == Unknown("ss: sh: ss: not found")


def test_a_broken_manifest_is_unknown() -> None:
    """Purging by half a list would leave the rest for ever."""
    body = base64.b64encode(b'{"schema":1,').decode()
    fact = files.parse(Answer(0, f"@@ begin\n@@ /var/lib/swarmlay/manifest.json\n{body}\n"))
    assert isinstance(fact, Known)
    assert isinstance(fact.value["manifest"], Unknown)


def test_words_of_a_host_are_shown_safely() -> None:
    """One line, no control characters, not endless."""
    assert (
        excerpt("\n  \x1b[31mred\x07\nsecond")
        == "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}"
    )
    assert len(excerpt("x" * 9999)) < 200
