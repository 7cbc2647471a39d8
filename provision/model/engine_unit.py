"""The engine as a unit of systemd: started and restarted so that a failure says why."""

from typing import Final

from provision.model.actions import Run
from provision.model.daemon import DAEMON_JSON

_WHY = r"""
why() {
    said=$(journalctl -u docker.service -n 60 -o cat --no-pager 2>/dev/null |
        grep -E '^(unable to|failed to|invalid|Status:)|level=fatal' | tail -n 1 | cut -c 1-400)
    echo "${said:-look at journalctl -u docker}"
}
calm() { systemctl reset-failed docker.service docker.socket containerd.service 2>/dev/null; }
"""
START: Final = (
    _WHY
    + r"""
calm
systemctl enable --quiet --now docker.service 2>/dev/null && exit 0
echo "Docker does not start: $(why)" >&2
exit 1
"""
)

# $1 settings. What is there now is what the engine last started with.
KEEP: Final = r"""
set -eu
kept=/run/swarmlay/daemon.json
mkdir -p /run/swarmlay
rm -f "$kept" "$kept.absent"
if [ -e "$1" ]; then cp -p "$1" "$kept"; else : >"$kept.absent"; fi
"""

# $1 settings. An engine that stays down would be a high price for a misspelt key.
RESTART: Final = (
    _WHY
    + r"""
kept=/run/swarmlay/daemon.json
calm
if systemctl restart docker.service 2>/dev/null; then
    rm -f "$kept" "$kept.absent"; exit 0
fi
said=$(why)
back=
if [ -e "$kept" ]; then cp -p "$kept" "$1.swarmlay" && mv -f "$1.swarmlay" "$1" && back=yes
elif [ -e "$kept.absent" ]; then rm -f "$1" && back=yes; fi
rm -f "$kept" "$kept.absent"
calm
if [ -z "$back" ]; then echo "Docker does not start any more: $said" >&2
elif systemctl restart docker.service 2>/dev/null; then
    echo "Docker does not start with the new settings and runs with the old ones: $said" >&2
else echo "Docker starts neither with the new settings nor with the old ones: $said" >&2; fi
exit 1
"""
)


def start() -> Run:
    """Start it, now and at boot."""
    return Run(("sh", "-s"), stdin=START, timeout=180.0)


def keep_settings() -> Run:
    """Remember daemon.json as it is, before it is written."""
    return Run(("sh", "-s", "--", DAEMON_JSON), stdin=KEEP)


def restart() -> Run:
    """Restart it; where it does not start, put the settings back that were kept."""
    return Run(("sh", "-s", "--", DAEMON_JSON), stdin=RESTART, timeout=300.0)
