"""What `down --purge` runs on a Debian host.

It reads the manifest where it lies, so what was listed a moment ago counts as well. Undoing what
was never done, or is undone already, does nothing: it may be run again after any interruption.
"""

PURGE = r"""
set -u
export LC_ALL=C DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
directory=/var/lib/swarmlay; manifest=$directory/manifest.json; volumes=$1
[ -e "$manifest" ] || exit 0
kept() { echo "kept $*"; }
entries() {
    line='^{"kind":"'$1'","name":"\([^"]*\)","detail":"\([^"]*\)"},\{0,1\}$'
    sed -n "s/$line/\\2|\\1/p" "$manifest"
}
names() { entries "$1" | cut -d'|' -f2-; }
installed() { dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^.[^nc]'; }

# Docker's own rules and chains, as commands that delete them. Rules that somebody put into
# DOCKER-USER are somebody's: then that chain and the jump to it stay.
dockers='
    /^-A DOCKER-USER / && !/ -j RETURN$/ { theirs = 1 }
    /^-A DOCKER/ { next }
    /^-A .* -j DOCKER-USER$/ { jump = jump "-D" substr($0, 3) "\n"; next }
    /^-A/ && / (-[io] (docker0|docker_gwbridge|br-[0-9a-f]+)|-j DOCKER[-A-Z0-9]*)( |$)/ {
        print "-D" substr($0, 3) }
    /^:DOCKER-USER / { users = "-F DOCKER-USER\n-X DOCKER-USER\n"; next }
    /^:DOCKER/ {
        name = substr($1, 2)
        flush = flush "-F " name "\n"; drop = drop "-X " name "\n" }
    END { printf "%s%s", flush, drop; if (!theirs) printf "%s%s", jump, users }'

entries unit | while IFS='|' read -r detail unit; do
    systemctl disable --now --quiet "$unit" 2>/dev/null
done

ours=
for package in $(names package); do
    case $package in docker.io|docker-ce) ours=yes ;; esac
done
if [ -n "$ours" ]; then
    systemctl stop docker.socket docker.service containerd.service 2>/dev/null
    for device in $(ls /sys/class/net); do
        case $device in docker0|docker_gwbridge|br-????????????) ip link delete "$device" ;; esac
    done 2>/dev/null
    for tool in iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do
        family=${tool%%tables*}
        command -v "$tool" >/dev/null || continue
        for table in filter nat mangle raw; do
            case $tool in *legacy) # asking for a table would make it
                grep -qx $table "/proc/net/${family}_tables_names" || continue ;;
            esac
            { echo "*$table"
              "$tool-save" -t $table 2>/dev/null | awk "$dockers"
              echo COMMIT; } | "$tool-restore" --noflush 2>/dev/null
        done
    done
    entries setting | while IFS='|' read -r value name; do
        case $name in
        FORWARD) iptables -P FORWARD "$value" 2>/dev/null ;;
        *) echo "$value" >"/proc/sys/$(echo "$name" | tr . /)" ;;
        esac
    done 2>/dev/null
fi

here=
for package in $(names package); do installed "$package" && here="$here $package"; done
for package in $(names hold); do apt-mark unhold "$package" >/dev/null 2>&1; done
if [ -n "$here" ]; then
    apt() { apt-get -y -q -o DPkg::Lock::Timeout=600 "$@" </dev/null 2>&1; }
    others=$(apt -s remove $here | sed -n 's/^Remv \([^ ]*\).*/\1/p' | while read -r package; do
        case " $here " in *" $package "*) ;; *) echo "$package" ;; esac
    done)
    if [ -n "$others" ]; then
        kept "packages$here: needed by" $others
    else
        said=$(apt remove $here) || { printf '%s\n' "$said" >&2; exit 1; }
        rm -f /var/lib/docker/nuke-graph-directory.sh
        said=$(apt purge $here) || { printf '%s\n' "$said" >&2; exit 1; }
    fi
fi

entries tree | while IFS='|' read -r before tree; do
    [ -d "$tree" ] || continue
    if [ -n "$ours" ] && command -v dockerd >/dev/null && [ -n "${others:-}" ]; then
        kept "$tree: its engine stays"; continue
    fi
    spared=
    if [ "$volumes" != yes ] && [ -d "$tree/volumes" ]; then
        for volume in "$tree"/volumes/*/_data; do [ -d "$volume" ] && spared=yes && break; done
    fi
    umount -l $(awk -v tree="$tree/" 'index($2, tree) == 1 { print $2 }' /proc/mounts) 2>/dev/null
    if [ -n "$spared" ]; then
        find "$tree" -mindepth 1 -maxdepth 1 ! -name volumes -exec rm -rf {} +
        kept "$tree/volumes: data of volumes"
    else
        find "$tree" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
        case $before in
        absent) rmdir "$tree" 2>/dev/null ;;
        empty:*) chmod "${before#empty:}" "$tree" ;;
        esac
    fi
done

entries file | while IFS='|' read -r before file; do
    if [ -e "$file" ] && names content | grep -qxF "$file"; then
        digest=$(sha256sum <"$file"); digest=${digest%% *}
        original=
        [ "$before" != kept ] || cmp -s "$directory/before$file" "$file" || original=differs
        if ! entries content | grep -qxF "$digest|$file"; then
            { [ "$before" = kept ] && [ -z "$original" ]; } ||
                kept "$file: somebody changed it since"
            continue
        fi
    fi
    if [ "$before" = kept ]; then
        mkdir -p "${file%/*}"
        cp -pP "$directory/before$file" "$file.swarmlay" && mv -f "$file.swarmlay" "$file"
    else
        rm -f "$file"
    fi
done
names directory | sort -r | while read -r made; do rmdir "$made" 2>/dev/null; done
for group in $(names group); do groupdel "$group" 2>/dev/null; done
systemctl daemon-reload 2>/dev/null
systemctl reset-failed docker.service docker.socket containerd.service 2>/dev/null
[ -z "$ours" ] || rm -rf /run/docker /run/containerd /run/docker.sock /run/docker.pid
[ -z "${others:-}" ] || exit 0 # what is still there stays listed
# Results of runs that were killed, which nobody came to collect.
for unit in /run/swarmlay/units/*/; do
    case $unit in */purge/|*/\*/) continue ;; esac
    ! flock -n "$unit/lock" true 2>/dev/null || rm -rf "$unit"
done
rm -rf "$directory/before"
[ -z "$ours" ] || rm -f "$directory/swarm" # an engine that is gone is in no swarm
rm -f "$manifest" "$directory"/.lines.*
rmdir /etc/swarmlay "$directory" 2>/dev/null
true
"""
