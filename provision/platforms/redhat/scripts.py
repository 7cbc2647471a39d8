"""What runs on a host with dnf: POSIX sh and what a minimal system has (curl, rpm, dnf).

Data reaches these scripts as arguments only; no value is ever put into their text.
"""

from provision.model.manifest import FUNCTIONS

_DNF = r"""
set -eu
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
fail() { echo "$*" >&2; exit 1; }
"""

# dnf waits for another dnf by itself, and rpm keeps its database whole.
PREPARE = (
    _DNF
    + r"""
if command -v cloud-init >/dev/null && [ ! -e /etc/cloud/cloud-init.disabled ]; then
    echo "waiting for cloud-init"; timeout 600 cloud-init status --wait >/dev/null 2>&1 || true
fi
manifest=/var/lib/swarmlay/manifest.json
lost=
for package in $(sed -n 's/^{"kind":"package","name":"\([^"]*\)".*/\1/p' "$manifest" 2>/dev/null)
do
    case $package in gpg-pubkey*) continue ;; esac
    rpm -q "$package" >/dev/null 2>&1 || lost="$lost $package"
done
if [ -n "$lost" ]; then
    echo "completing an interrupted installation:$lost"
    dnf -y -q install --setopt=install_weak_deps=False $lost
fi
"""
)

# Reads dnf's table (4 and 5): what would be added, and after "-" what would be taken away. A long
# name stands on a line of its own.
TRANSACTION = r"""
/^Transaction Summary/ { exit }
/^Installing( .*)?:$/ { sign = "+"; next }
/^(Removing|Downgrading|Replacing)( .*)?:$/ { sign = "-"; next }
/^[A-Z][a-z ]*:$/ { sign = ""; next }
/^ [^ ]/ && sign { print sign $1 }
"""

# $1 cluster, the rest: packages. What dnf would add is listed before it is added; when dnf would
# take something away, nothing is done. The key of the repository gets into rpm's database with it.
INSTALL = (
    _DNF
    + FUNCTIONS
    + r"""
cluster=$1; shift
dnf() { command dnf -y --setopt=install_weak_deps=False "$@" </dev/null; }
echo "reading the package lists"
said=$(command dnf --setopt=install_weak_deps=False --assumeno install "$@" </dev/null 2>&1) || true
case $said in
*"Transaction Summary"*) ;;
*"Nothing to do"*) exit 0 ;;
*) printf '%s\n' "$said" | tail -n 12 >&2; fail "dnf refuses: $*" ;;
esac
changes=$(printf '%s\n' "$said" | awk '"""
    + TRANSACTION
    + r"""')
removed=$(printf '%s\n' "$changes" | sed -n 's/^-//p')
[ -z "$removed" ] || fail "dnf would remove other packages:" $removed
keys=$(rpm -q gpg-pubkey 2>/dev/null || true)
open_manifest "$cluster"
for package in $(printf '%s\n' "$changes" | sed -n 's/^+//p'); do note package "$package" ""; done
close_manifest "$cluster"
echo "installing $*"
dnf -q install "$@"
open_manifest "$cluster"
for key in $(rpm -q gpg-pubkey 2>/dev/null || true); do
    case " $(echo $keys) " in *" $key "*) ;; *) note package "$key" "" ;; esac
done
close_manifest "$cluster"
"""
)

# $1 URL, $2 fingerprint, $3 file. The fingerprint of a version 4 key is the SHA-1 of its packet;
# rpm reads armoured keys only, and the block that was looked at is the one that is kept.
KEY = (
    _DNF
    + r"""
url=$1; wanted=$2; file=$3
folder=$(mktemp -d /tmp/swarmlay-key.XXXXXX)
trap 'rm -rf "$folder"' EXIT
refuse() { echo "the key at $url is refused: $*; nothing was written" >&2; exit 4; }
curl -fsSL --retry 2 --max-time 60 -o "$folder/file" "$url" ||
    fail "the key at $url could not be fetched"
[ "$(grep -c '^-----BEGIN PGP PUBLIC KEY BLOCK-----' "$folder/file")" = 1 ] ||
    refuse "it does not hold exactly one key block"
tr -d '\r' <"$folder/file" | sed -n '/^-----BEGIN PGP PUBLIC/,/^-----END PGP/p' >"$folder/armour"
sed -e '1,/^[[:space:]]*$/d' -e '/^=/d' -e '/^-/d' "$folder/armour" |
    base64 -d >"$folder/key" || refuse "its armour is broken"
size=$(wc -c <"$folder/key"); at=0; keys=0; found=
[ "$size" -lt 1000000 ] || refuse "it is too large"
while [ "$at" -lt "$size" ]; do
    set -- $(od -An -v -tu1 -j "$at" -N 6 "$folder/key")
    [ $# -ge 3 ] || refuse "it ends too early"
    if [ "$1" -ge 192 ]; then
        tag=$(($1 & 63))
        if [ "$2" -lt 192 ]; then head=2; length=$2
        elif [ "$2" -lt 224 ]; then head=3; length=$(((($2 - 192) << 8) + $3 + 192))
        else refuse "it is no OpenPGP key of a usual size"; fi
    elif [ "$1" -ge 128 ]; then
        tag=$((($1 >> 2) & 15))
        case $(($1 & 3)) in
        0) head=2; length=$2 ;;
        1) head=3; length=$((($2 << 8) + $3)) ;;
        *) refuse "it is no OpenPGP key of a usual size" ;;
        esac
    else refuse "it is no OpenPGP key"; fi
    [ "$((at + head + length))" -le "$size" ] || refuse "it ends too early"
    if [ "$tag" = 6 ]; then
        keys=$((keys + 1))
        octal=$(printf '\\%03o\\%03o' $((length >> 8 & 255)) $((length & 255)))
        found=$({ printf '\231'; printf "$octal"
            tail -c +$((at + head + 1)) "$folder/key" | head -c "$length"; } | sha1sum)
        found=$(printf '%s' "${found%% *}" | tr a-f A-F)
    fi
    at=$((at + head + length))
done
[ "$keys" = 1 ] || refuse "it holds $keys primary keys"
[ "$found" = "$wanted" ] || refuse "its fingerprint is $found and not $wanted"
umask 022
mkdir -p "${file%/*}"
cp "$folder/armour" "$file.new"
mv -f "$file.new" "$file"
"""
)

# $1 "yes": volumes go, too. It reads the manifest where it lies; undoing what is undone does
# nothing. rpm erases exactly what it is told, or nothing when somebody else needs it.
PURGE = r"""
set -u
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
directory=/var/lib/swarmlay; manifest=$directory/manifest.json; volumes=$1
[ -e "$manifest" ] || exit 0
kept() { echo "kept $*"; }
entries() {
    line='^{"kind":"'$1'","name":"\([^"]*\)","detail":"\([^"]*\)"},\{0,1\}$'
    sed -n "s/$line/\\2|\\1/p" "$manifest"
}
names() { entries "$1" | cut -d'|' -f2-; }
entries unit | while IFS='|' read -r detail unit; do
    systemctl disable --now --quiet "$unit" 2>/dev/null
done
ours=; here=
for package in $(names package); do
    case $package in docker-ce|moby-engine|docker) ours=yes ;; esac
    rpm -q "$package" >/dev/null 2>&1 && here="$here $package"
done
if [ -n "$ours" ]; then
    systemctl disable --now --quiet docker.socket docker.service containerd.service 2>/dev/null
    for device in $(ls /sys/class/net); do
        case $device in docker0|docker_gwbridge|br-????????????) ip link delete "$device" ;; esac
    done 2>/dev/null
    entries setting | while IFS='|' read -r value name; do
        case $name in
        FORWARD) iptables -P FORWARD "$value" 2>/dev/null ;;
        *) echo "$value" >"/proc/sys/$(echo "$name" | tr . /)" ;;
        esac
    done 2>/dev/null
fi
if [ -n "$here" ]; then
    said=$(rpm --erase $here 2>&1) || {
        kept "packages$here: $(printf '%s' "$said" | tr '\n' ' ')"; exit 0
    }
fi
entries tree | while IFS='|' read -r before tree; do
    [ -d "$tree" ] || continue
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
        if ! entries content | grep -qxF "$digest|$file"; then
            kept "$file: somebody changed it since"; continue
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
rm -rf "$directory/before"
rm -f "$manifest" "$directory"/.lines.*
rmdir /etc/swarmlay "$directory" 2>/dev/null
true
"""
