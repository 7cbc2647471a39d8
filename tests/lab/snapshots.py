"""Everything of a host that `up` could leave behind, as text to compare."""

from collections.abc import Iterable

SCRIPT = r"""
echo '== files'
find /etc /usr/local /opt /root /home /srv /var/lib /var/cache/apt /run/lock /run/swarmlay \
  -xdev \( -path /var/lib/apt/lists -o -path /var/lib/dpkg -o -path /var/lib/systemd \
           -o -path /var/cache/apt/archives \) -prune -o -type f -print0 2>/dev/null \
  | sort -z | xargs -0 -r sha256sum 2>/dev/null
echo '== directories'
find /etc /usr/local /opt /root /home /srv /var/lib /run/lock -xdev \
  \( -path /var/lib/apt/lists -o -path /var/lib/dpkg -o -path /var/lib/systemd \) -prune \
  -o -type d -print | sort
echo '== links'; find /etc/systemd /etc/rc?.d -type l -printf '%p -> %l\n' | sort
echo '== packages'; dpkg-query -W -f '${Package} ${Version} ${Status}\n' | sort
echo '== units'; systemctl list-unit-files --no-legend --no-pager | awk '{print $1, $2}' | sort
# A machine that is short of inotify instances fails the units that watch for password requests.
echo '== failed'; systemctl --failed --no-legend --no-pager | grep -v systemd-ask-password
echo '== filter'; iptables-save 2>/dev/null | grep -v '^[#:]'
ip6tables-save 2>/dev/null | grep -v '^[#:]'
echo '== interfaces'; ip -o link | awk -F': ' '{print $2}' | sed 's/@.*//' | sort
echo '== addresses'; ip -o -4 addr | awk '{print $2, $4}' | sort
echo '== routes'; ip route | sort
echo '== listeners'; ss -Hltnu | awk '{print $1, $5}' | sort -u
echo '== processes'
ps -e -o comm= 2>/dev/null | sort -u | grep -E 'docker|containerd|swarmlay' || true
"""

PUBLISHED = (
    # docs/data-safety.md lists these, with the reason: nothing else may differ.
    "/etc/group",  # Debian's docker.io leaves its system group behind
    "/etc/group-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/var/cache/apt/",  # package lists' cache
    "/etc/ld.so.cache",
    "/var/lib/logrotate/",
)


def differences(before: str, after: str) -> list[str]:
    """Lines that appeared or vanished, without the published exceptions."""
    old, new = set(before.splitlines()), set(after.splitlines())
    changed = [f"- {line}" for line in old - new] + [f"+ {line}" for line in new - old]
    return sorted(line for line in changed if not _published(line))


def _published(line: str) -> bool:
    return any(_names(line, path) for path in PUBLISHED)


def _names(line: str, path: str) -> bool:
    words: Iterable[str] = line.split()
    return any(w == path or (path.endswith("/") and w.startswith(path)) for w in words)
