"""Another version of an engine that apt installed."""

from collections.abc import Sequence
from typing import Final

from provision.model.actions import Run, Wait
from provision.model.platform import Work
from provision.model.upgrades import Offer, Relation
from provision.platforms.debian import scripts
from provision.platforms.debian.scripts import INSTALL

_TOGETHER: Final = {
    "docker-ce": ("docker-ce", "docker-ce-cli", "--", "containerd.io"),
    "docker.io": ("docker.io", "docker-cli?", "--"),
}
_ANSWERS = Run(("docker", "version", "--format", "{{.Server.Version}}"), timeout=10.0)
_RELATIONS: Final[dict[str, Relation]] = {"same": "same", "newer": "newer", "older": "older"}

# $1 package, $2 pattern or "". Prints installed, offered, and what the second is to the first. A
# package that is not configured yet is "newer": the upgrade completes it.
OFFERS = (
    scripts._APT  # noqa: SLF001 - the same package's
    + r"""
package=$1; pattern=$2
update >/dev/null
installed=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null) || installed=
state=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) || state=
offered=
for version in $(apt-cache madison "$package" | awk -F'|' '{ gsub(/ /, "", $2); print $2 }'); do
    upstream=${version#*:}; upstream=${upstream%%[-+~]*}
    for name in "$upstream" "$version"; do
        case $name in ${pattern:-*}) : ;; *) continue ;; esac
        [ -n "$offered" ] && dpkg --compare-versions "$version" le "$offered" || offered=$version
    done
done
relation=none
if [ -n "$offered" ]; then
    relation=newer
    if dpkg --compare-versions "$offered" lt "$installed"; then relation=older
    elif [ "$offered" = "$installed" ]; then
        case $state in ?i*) relation=same ;; esac
    fi
fi
echo "installed=$installed"; echo "offered=$offered"; echo "relation=$relation"
"""
)

# The daemon that runs must be the one that was installed: its old binary is deleted under it.
_FRESH = r"""
pid=$(systemctl show -P MainPID docker.service)
case $(readlink "/proc/$pid/exe" 2>/dev/null) in
*deleted*|'') systemctl restart docker.service ;;
esac
"""


def offers(package: str, version: str) -> Run:
    """Ask apt, with fresh lists."""
    return Run(("sh", "-s", "--", package, version), stdin=OFFERS, timeout=900.0)


def read_offer(said: str) -> Offer:
    """The three lines of the answer."""
    pairs = dict(line.partition("=")[::2] for line in said.splitlines() if "=" in line)
    relation = _RELATIONS.get(pairs.get("relation", ""), "none")
    return Offer(pairs.get("installed", ""), pairs.get("offered", ""), relation)


def upgrade(package: str, version: str, cluster: str, held: Sequence[str]) -> Work:
    """Exactly *version*, held as before; apt restarts the engine, or this does."""
    packages = _TOGETHER.get(package, (package, "--"))
    words = ("sh", "-s", "--", cluster, version, "distro", *packages)
    steps = (
        Run(words, stdin=INSTALL, unit="engine-upgrade", timeout=1800.0),
        *((Run(("apt-mark", "hold", *held)),) if held else ()),
        Run(("sh", "-c", _FRESH), timeout=180.0),
        Wait(_ANSWERS, timeout=90.0, why="the engine answers", every=0.3),
    )
    names = [p for p in packages if p != "--" and not p.endswith("?")]
    pinned = [f"{name}={version}" if name != "containerd.io" else name for name in names]
    typed = f"apt-get install --allow-change-held-packages {' '.join(pinned)}"
    return Work(steps, ("apt-get update", typed))
