"""What the kernel can do, without loading anything."""

from provision.model.facts import Fact, Known, Unknown
from provision.model.observed import Kernel
from provision.model.probes import Answer, Probe, excerpt, sections

# Each ability: its module, its configuration key, a file that shows it is there already.
# modules.builtin and modprobe's dry run read files only; the configuration is asked last, since
# unpacking it is the slowest.
SCRIPT = r"""
release=$(uname -r)
echo "@@ release"; echo "$release"
echo "@@ able"
modules=/lib/modules/$release
config() {
    [ -n "${options+set}" ] || options=$(
        { gzip -dc /proc/config.gz || cat "/boot/config-$release"; } 2>/dev/null |
            grep -E '^(# )?CONFIG_(VXLAN|BRIDGE_NETFILTER|IP_VS|INET_ESP)[ =]')
    case " $options" in
    *[!A-Z_]"$1=y"*) echo yes ;;
    *"# $1 is not set"*) echo no ;;
    *[!A-Z_]"$1=m"*) [ -d "$modules" ] || echo no ;;
    esac
}
able() {
    if [ -e "/sys/module/$2" ] || [ -e "$4" ]; then echo "$1 yes"; return; fi
    if [ -d "$modules" ] && command -v modprobe >/dev/null; then
        modprobe -n -q "$2" && echo "$1 yes" || echo "$1 no"; return
    fi
    echo "$1 $(config "$3")"
}
able vxlan vxlan CONFIG_VXLAN /sys/module/vxlan
able br_netfilter br_netfilter CONFIG_BRIDGE_NETFILTER /proc/sys/net/bridge/bridge-nf-call-iptables
able ip_vs ip_vs CONFIG_IP_VS /proc/net/ip_vs
able esp esp4 CONFIG_INET_ESP /sys/module/esp4
able macvlan macvlan CONFIG_MACVLAN /sys/module/macvlan
able ipvlan ipvlan CONFIG_IPVLAN /sys/module/ipvlan
"""


def parse(answer: Answer) -> Fact[Kernel]:
    """Read the release and a yes or no for each ability; neither means it could not be told."""
    found = sections(answer.stdout)
    release = found.get("release", "").strip()
    if not release:
        return Unknown(f"uname gave no kernel release: {excerpt(answer.stdout)!r}")
    words = [line.split() for line in found.get("able", "").splitlines()]
    verdicts = {word[0]: word[1] == "yes" for word in words if word[1:] in (["yes"], ["no"])}
    return Known(Kernel(release, verdicts))


PROBE = Probe("kernel", SCRIPT, parse)
