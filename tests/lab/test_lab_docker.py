"""Docker in a lab's hosts: the engine, the stand-in images by the real path, a firewall."""

import json
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from provision.lab.labs import Lab

pytestmark = pytest.mark.lab

OnHost = Callable[[Lab, str, str], subprocess.CompletedProcess[str]]
Docker = Callable[[str, str], str]

INSTALL = "sudo apt-get install -y -q --no-install-recommends docker.io iptables"


@pytest.fixture(scope="module")
def engines(fresh_lab: Callable[..., Lab], on_host: OnHost) -> Lab:
    """Two hosts with Debian's engine."""
    made = fresh_lab(workers=1)
    with ThreadPoolExecutor() as pool:
        done = pool.map(lambda host: on_host(made, host.name, INSTALL), made.hosts)
    assert [ended.returncode for ended in done] == [0, 0]
    return made


@pytest.fixture(scope="module")
def docker(engines: Lab, on_host: OnHost) -> Docker:
    """Run docker on a host; it must succeed."""

    def run(host: str, words: str) -> str:
        ended = on_host(engines, host, f"sudo docker {words}")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout.strip()

    return run


@pytest.mark.parametrize("image", ["nginx", "nginx:1.27", "redis:7", "alpine:3.20", "busybox"])
def test_pull(docker: Docker, image: str) -> None:
    """The usual images are pulled under their usual names, through the mirror."""
    assert docker("manager", f"pull -q {image}") == f"docker.io/library/{image}" + (
        "" if ":" in image else ":latest"
    )


def test_an_image_that_is_not_there_fails_at_once(engines: Lab, on_host: OnHost) -> None:
    """The engine falls through to the Hub and hears at once if that is out of reach."""
    begun = time.monotonic()

    assert on_host(engines, "manager", "sudo docker pull -q no-such/image").returncode == 1
    assert time.monotonic() - begun < 5


def test_nginx(docker: Docker) -> None:
    """It serves its page with the container's name, logs to stdout and ends without delay."""
    docker("manager", "run -d --name web --hostname web7 nginx")
    address = docker("manager", "inspect -f '{{.NetworkSettings.IPAddress}}' web")

    page = docker("manager", f"run --rm alpine wget -qO- -T 5 http://{address}")
    begun = time.monotonic()
    docker("manager", "stop web")

    assert time.monotonic() - begun < 3
    assert "Welcome to nginx!" in page
    assert "Served by web7" in page
    assert '"GET / HTTP/1.1" 200' in docker("manager", "logs web")
    docker("manager", "rm web")


def test_redis(docker: Docker) -> None:
    """It answers from other containers."""
    docker("manager", "run -d --name store redis")
    address = docker("manager", "inspect -f '{{.NetworkSettings.IPAddress}}' store")

    assert docker("manager", f"run --rm redis redis-cli -h {address} ping") == "PONG"
    docker("manager", "rm -f -v store")


def test_alpine(docker: Docker) -> None:
    """Its shell waits at a terminal, and its tools work."""
    docker("manager", "run -dit --name alpine alpine ash")

    assert docker("manager", "exec alpine sh -c 'echo $0; ping -q -c 1 127.0.0.1 | grep -c loss'")
    served = "httpd -p 81 -h /etc && wget -qO- 127.0.0.1:81/hostname && nc -z 127.0.0.1 81"
    docker("manager", f"exec alpine sh -c '{served}'")
    docker("manager", "rm -f alpine")


def test_swarm_and_overlay(engines: Lab, docker: Docker) -> None:
    """Two hosts form a swarm; containers on an attachable overlay ping each other by name."""
    address = engines.host("manager").address
    docker("manager", f"swarm init --advertise-addr {address}")
    token = docker("manager", "swarm join-token -q worker")
    docker("worker-1", f"swarm join --token {token} {address}:2377")
    docker("manager", "network create -d overlay --attachable net")
    docker("manager", "run -dit --name a1 --network net alpine ash")
    docker("worker-1", "run -dit --name a2 --network net alpine ash")

    assert "0% packet loss" in docker("manager", "exec a1 ping -q -c 1 -s 1400 a2")
    docker("manager", "service create -q --name web --endpoint-mode dnsrr nginx:1.26")
    pinned = json.loads(docker("manager", "service inspect web"))[0]["Spec"]["TaskTemplate"]
    assert "nginx:1.26@sha256:" in pinned["ContainerSpec"]["Image"]


def test_a_firewall_really_drops(engines: Lab, on_host: OnHost) -> None:
    """A host's ufw closes its ports to the others, and SSH stays where it is allowed."""
    probe = f"timeout 2 bash -c '</dev/tcp/{engines.host('worker-1').address}/7999'"
    listen = "sudo systemd-run -q --unit=listener perl -MIO::Socket::INET -e "
    script = "'push @kept, IO::Socket::INET->new(LocalPort=>7999,Listen=>5); sleep'"
    on_host(engines, "worker-1", listen + script)
    wait_for(lambda: on_host(engines, "manager", probe).returncode == 0)

    closed = on_host(
        engines,
        "worker-1",
        "sudo apt-get install -y -q ufw && sudo ufw allow 22/tcp && sudo ufw --force enable",
    )

    assert closed.returncode == 0, closed.stdout + closed.stderr
    assert on_host(engines, "manager", probe).returncode == 124
    assert on_host(engines, "worker-1", "sudo ufw --force disable").returncode == 0


def wait_for(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
