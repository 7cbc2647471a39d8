"""The Docker engine: its settings, its swarm, its containers, and other engines in the way.

The engine is asked over its socket, by perl (essential on Debian) because starting the docker
command costs several times as much, or through the docker command where there is no perl. An
engine that does not run is not asked: its socket would start it.
"""

from collections.abc import Mapping
from typing import Any

from provision.model.facts import Fact, Known, Unknown
from provision.model.labels import CLUSTER
from provision.model.observed import STOPPED
from provision.model.probes import Answer, Probe, excerpt, sections
from provision.probes.engine.containers import containers, networks, volumes
from provision.probes.engine.http import Reply, replies
from provision.probes.engine.membership import membership
from provision.probes.engine.settings import engine

_SCRIPT = r"""
echo '@@ binary'
for path in dockerd /usr/sbin/dockerd /snap/bin/dockerd; do command -v "$path" && break; done
echo '@@ conflicts'
if [ -e /snap/docker/current ]; then echo snap; fi
for file in /var/lib/dpkg/info/podman-docker.list /usr/lib/tmpfiles.d/podman-docker.conf; do
    [ -e "$file" ] && echo podman-docker && break
done
for socket in /run/user/*/docker.sock; do [ -S "$socket" ] && echo rootless && break; done
echo '@@ enabled'
for way in /etc/systemd/system/*.wants/docker.service; do [ -L "$way" ] && echo "$way"; done
running=
[ -r /var/run/docker.pid ] && read -r pid </var/run/docker.pid && [ -d "/proc/$pid" ] && running=yes
[ -n "$running" ] || for file in /proc/[0-9]*/comm; do
    name=; read -r name <"$file" && [ "$name" = dockerd ] && running=yes && break
done 2>/dev/null
echo '@@ running'; echo "$running"
echo '@@ daemon'; [ ! -r /etc/docker/daemon.json ] || base64 -w0 /etc/docker/daemon.json; echo
swarm=/var/lib/docker/swarm
for file in docker-state.json certificates/swarm-node.crt; do
    [ -r "$swarm/$file" ] && echo "@@ $file" && cat "$swarm/$file" && echo
done
[ -n "$running" ] || exit 0
if command -v perl >/dev/null; then
    perl -MSocket -e 'PERL' PATHS && exit 0
    echo '@@ problem'; echo "asking its socket failed ($?)"
else
    for path in PATHS; do
        echo "@@ $path"
        printf 'GET %s HTTP/1.0\r\nHost: docker\r\n\r\n' "$path" |
            timeout 15 docker system dial-stdio || echo
    done
fi
"""
_PERL = r"""
$| = 1;
$SIG{ALRM} = sub { print "\n@@ problem\ndoes not answer within 5 s\n"; exit 0 };
alarm 5;
for my $path (@ARGV) {
    socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
    connect($s, sockaddr_un("/var/run/docker.sock"))
        or do { print "\n@@ problem\n/var/run/docker.sock: $!\n"; exit 0 };
    syswrite($s, "GET $path HTTP/1.0\r\nHost: docker\r\n\r\n");
    local $/;
    my $reply = <$s>;
    print "\n@@ $path\n$reply\n";
    next unless $reply =~ /"DockerRootDir":"([^"]+)"/ and $1 ne "/var/lib/docker";
    for my $file ("docker-state.json", "certificates/swarm-node.crt") {
        open(my $f, "<", "$1/swarm/$file") or next;
        print "\n@@ $file\n", <$f>, "\n";
    }
}
"""
CONTAINERS = "/containers/json?all=1"
NETWORKS = "/networks?filters=%7B%22scope%22%3A%5B%22local%22%5D%7D"
VOLUMES = f"/volumes?filters=%7B%22label%22%3A%5B%22{CLUSTER}%22%5D%7D"
PATHS = ("/info", CONTAINERS, NETWORKS, VOLUMES)
SCRIPT = _SCRIPT.replace("PERL", _PERL).replace("PATHS", " ".join(f"'{p}'" for p in PATHS))


def parse(answer: Answer) -> Fact[Mapping[str, Fact[Any]]]:
    """Read what the files and the engine say; without an engine there is nothing else to know."""
    found = sections(answer.stdout)
    if "daemon" not in found:
        return Unknown(f"the look for an engine failed: {excerpt(answer.stdout)}")
    conflicts = Known(tuple(found["conflicts"].split()))
    if not found["binary"].strip() and not found["running"].strip():
        empty = dict.fromkeys(("containers", "networks", "volumes"), Known(()))
        return Known({"engine": Known(None), "swarm": Known(None), **empty, "conflicts": conflicts})
    reply = replies(found)
    return Known({**_installed(found, reply), "conflicts": conflicts})


def _installed(found: Mapping[str, str], reply: Mapping[str, Reply]) -> Mapping[str, Fact[Any]]:
    info = reply.get("/info", Reply(problem=_problem(found)))
    nothing = Reply(problem=info.problem or "not listed")
    return {
        "engine": engine(found, info),
        "swarm": membership(found, info),
        "containers": containers(reply.get(CONTAINERS, nothing)),
        "networks": networks(reply.get(NETWORKS, nothing)),
        "volumes": volumes(reply.get(VOLUMES, nothing)),
    }


def _problem(found: Mapping[str, str]) -> str:
    if not found["running"].strip():
        return STOPPED
    return excerpt(found.get("problem", "")) or "it gave no answer"


_GIVES = ("engine", "conflicts", "swarm", "containers", "networks", "volumes")
PROBE = Probe("engine", SCRIPT, parse, _GIVES, deadline=45)
