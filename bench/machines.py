"""Lab hosts made ready for the measurement: an engine, an image, and a firewall that drops."""

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from provision.lab.access import ssh_words
from provision.lab.labs import Lab

READY = """
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get install -yq --no-install-recommends docker.io iptables >/dev/null
systemctl enable --now docker
usermod -aG docker debian
docker pull -q alpine
iptables -w -A INPUT -i lo -j ACCEPT
iptables -w -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -w -A INPUT -p icmp -j ACCEPT
iptables -w -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
iptables -w -P INPUT DROP
"""
SESSIONS = "journalctl -q -o cat -u ssh | grep -c 'Accepted publickey' || true"


def on_all(lab: Lab, script: str) -> list[str]:
    """Run a script as root on every host at once; what each said."""

    def one(name: str) -> str:
        words = [*ssh_words(lab, lab.host(name)), "sudo", "-n", "sh", "-s"]
        done = subprocess.run(words, input=script, text=True, capture_output=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name}: {done.stderr[-500:]}")
        return done.stdout

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, names(lab)))


def names(lab: Lab) -> Sequence[str]:
    """The hosts' names, manager first."""
    return [host.name for host in lab.hosts]


def make_ready(lab: Lab) -> str:
    """Install once what is not to be counted; the engine's version comes back."""
    on_all(lab, READY)
    return on_all(lab, "docker version -f '{{.Server.Version}}'")[0].strip()


def sessions(lab: Lab) -> int:
    """SSH sessions that all hosts together have accepted so far, this question's own included."""
    return sum(int(answer) for answer in on_all(lab, SESSIONS))
