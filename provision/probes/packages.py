"""The package manager: what is installed, held or broken, and who holds its lock."""

from collections.abc import Mapping

from provision.model.facts import Fact, Known, Unknown
from provision.model.observed import Packages
from provision.model.probes import Answer, Probe, excerpt, sections

NAMES = (
    "apparmor",
    "ca-certificates",
    "containerd",
    "containerd.io",
    "docker-buildx-plugin",
    "docker-ce",
    "docker-ce-cli",
    "docker-cli",
    "docker-compose-plugin",
    "docker.io",
    "firewalld",
    "iptables",
    "nftables",
    "podman-docker",
    "runc",
    "snapd",
    "ufw",
)
RPMS = ("docker", "moby-engine", "selinux-policy-targeted")

# cloud-init's own `status` starts Python; the files it leaves under /run say the same for free.
# /proc/locks names the holder of a lock by the inode of the lock file.
_SCRIPT = r"""
cloud_init() {
    echo '@@ cloud-init'
    if ! command -v cloud-init >/dev/null; then echo absent
    elif [ -e /run/cloud-init/disabled ] || [ -e /etc/cloud/cloud-init.disabled ]; then
        echo disabled
    elif [ -e /run/cloud-init/result.json ]; then
        tr -d ' \n' </run/cloud-init/result.json | grep -q '"errors":\[\]' && echo done ||
            echo error
    else echo running; fi
}
if ! command -v dpkg-query >/dev/null; then
    command -v rpm >/dev/null || { echo 'neither dpkg nor rpm on this host'; exit 1; }
    echo '@@ packages'
    rpm -q --queryformat 'ii |%{NAME}|%{VERSION}-%{RELEASE}\n' NAMES RPMS 2>&1 | grep '^ii '
    echo '@@ locks'
    for file in /proc/[0-9]*/comm; do
        name=; read -r name <"$file"
        case $name in dnf|dnf-3|dnf5|yum|microdnf|rpm)
            pid=${file#/proc/}; echo "${pid%/comm} $name" ;;
        esac
    done 2>/dev/null
    cloud_init
    exit 0
fi
echo '@@ packages'
dpkg-query -W -f '${db:Status-Abbrev}|${Package}|${Version}\n' | awk -F'|' -v names='NAMES' '
    BEGIN { n = split(names, list, " "); for (i = 1; i <= n; i++) wanted[list[i]] }
    $2 in wanted || $1 !~ /^(i|h)i |^.[nc] / { print }'
echo '@@ interrupted'
for file in /var/lib/dpkg/updates/*; do [ -e "$file" ] && echo "$file"; done
echo '@@ locks'
inodes=$(stat -c %i /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock \
    /var/cache/apt/archives/lock 2>/dev/null)
while read -r n kind mode access pid file rest; do
    for inode in $inodes; do
        case "$kind $file" in "POSIX "*":$inode")
            name=; [ -r "/proc/$pid/comm" ] && read -r name <"/proc/$pid/comm"
            echo "$pid $name" ;;
        esac
    done
done </proc/locks
cloud_init
"""
SCRIPT = _SCRIPT.replace("NAMES", " ".join(NAMES)).replace("RPMS", " ".join(RPMS))

_BROKEN = frozenset("UFHWt")


def parse(answer: Answer) -> Fact[Packages]:
    """Read states as dpkg writes them (``ii``, ``hi``, ``iF`` …) and who holds the lock."""
    found = sections(answer.stdout)
    if "packages" not in found or "cloud-init" not in found:
        return Unknown(f"packages: {excerpt(answer.stdout) or 'no answer'}")
    rows = [(*line.split("|"), "", "") for line in found["packages"].splitlines()]
    states = {name: (state, version) for state, name, version, *_ in rows if name}
    return Known(
        Packages(
            installed={n: v for n, (state, v) in states.items() if state[1:2] == "i"},
            held=tuple(name for name, (state, _) in states.items() if state.startswith("h")),
            interrupted=_interrupted(states) or bool(found.get("interrupted", "").strip()),
            locked_by=_holder(found.get("locks", "")),
            cloud_init=found["cloud-init"].strip() or "absent",
        )
    )


def _interrupted(states: Mapping[str, tuple[str, str]]) -> bool:
    return any(state[1:2] in _BROKEN or state[2:3] == "R" for state, _ in states.values())


def _holder(text: str) -> str:
    pid, _, name = next(iter(text.strip().splitlines()), "").strip().partition(" ")
    return f"{name or 'a process'} ({pid})" if pid else ""


PROBE = Probe("packages", SCRIPT, parse)
