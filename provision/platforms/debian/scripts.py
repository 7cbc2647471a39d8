"""What runs on a Debian host: POSIX sh with nothing but a minimal system's own tools.

Data reaches these scripts as arguments only; no value is ever put into their text.
"""

from provision.model.manifest import FUNCTIONS

_APT = r"""
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l APT_LISTCHANGES_FRONTEND=none
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
fail() { echo "$*" >&2; exit 1; }
# A lock that somebody else holds is waited for, here and not in apt, which would not say so; any
# other failure is the answer.
patiently() {
    waited=0
    while :; do
        code=0
        said=$("$@" 2>&1 </dev/null) || code=$?
        case "$code:$said" in
        0:*) printf '%s\n' "$said"; return 0 ;;
        *"Could not get lock"*|*"Unable to acquire the dpkg"*|*"lock-frontend"*|*"is locked by"*|\
        *"was locked by"*) ;;
        *) printf '%s\n' "$said" >&2; return "$code" ;;
        esac
        [ "$waited" -lt 600 ] || { printf '%s\n' "$said" >&2; return "$code"; }
        holder=$(printf '%s\n' "$said" | sed -n 's/.*held by process \([0-9]* ([^)]*)\).*/: \1/p')
        echo "waiting for another package manager to finish${holder%%
*}"
        sleep 2; waited=$((waited + 2))
    done
}
apt() {
    patiently apt-get -y -q -o DPkg::Lock::Timeout=0 -o Dpkg::Options::=--force-confdef \
        -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0 \
        -o APT::Keep-Downloaded-Packages=false --no-install-recommends "$@"
}
update() { echo "reading the package lists"; apt update "$@"; }
repair() {
    broken=$(dpkg-query -W -f '${db:Status-Abbrev}\n' | grep -c '^.[UFHWt]' || true)
    for file in /var/lib/dpkg/updates/*; do [ ! -e "$file" ] || broken=updates; done
    if [ "$broken" != 0 ]; then
        echo "repairing an interrupted package installation"
        patiently dpkg --force-confdef --force-confold --configure -a
        apt --fix-broken install
    fi
}
manifest=/var/lib/swarmlay/manifest.json
listed() { sed -n 's/^{"kind":"'"$1"'","name":"\([^"]*\)".*/\1/p' "$manifest" 2>/dev/null; }
installed() { dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^.i'; }
hold() {
    for package in $(listed hold); do
        ! installed "$package" || patiently apt-mark hold "$package"
    done
}
fresh() { [ -n "$(find /var/lib/apt/lists/partial -maxdepth 0 -mtime -1 2>/dev/null)" ]; }
lists() { find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' | grep -q .; }
"""

PREPARE = (
    _APT
    + r"""
if command -v cloud-init >/dev/null && [ ! -e /etc/cloud/cloud-init.disabled ]; then
    echo "waiting for cloud-init"; timeout 600 cloud-init status --wait >/dev/null 2>&1 || true
fi
repair
# A host that went down in the middle may lack some of what was about to be installed.
lost=
for package in $(listed package); do
    installed "$package" || lost="$lost $package"
done
if [ -n "$lost" ]; then
    echo "completing an interrupted installation:$lost"
    apt install $lost || { update; apt install $lost; }
fi
hold
"""
)

# $1 cluster, $2 pattern of the version or "", $3 "docker" or "distro", the rest: packages; those
# before "--" have the engine's version. What apt would add is listed before it is added; when apt
# would take something away, nothing is done.
INSTALL = (
    _APT
    + FUNCTIONS
    + r"""
cluster=$1; pattern=$2; source=$3; shift 3
resolve() {
    [ -n "$pattern" ] || { echo "$1"; return 0; }
    for version in $(apt-cache madison "$1" | awk -F'|' '{ gsub(/ /, "", $2); print $2 }'); do
        upstream=${version#*:}; upstream=${upstream%%[-+~]*}
        for name in "$upstream" "$version"; do
            case $name in $pattern) echo "$1=$version"; return 0 ;; esac
        done
    done
    return 1
}
choose() {
    chosen=; pinned=yes
    for package in $packages; do
        if [ "$package" = -- ]; then pinned=; continue; fi
        case $package in
        *\?) package=${package%\?}; apt-cache show "$package" >/dev/null 2>&1 || continue ;;
        esac
        if [ -n "$pinned" ]; then package=$(resolve "$package") || return 1; fi
        chosen="$chosen $package"
    done
    simulated=$(apt-get -s -q --no-install-recommends --allow-change-held-packages install \
        $chosen 2>&1) || return 1
}
# What apt refuses would make every later use of apt on the host fail.
withdraw() {
    ! installed docker-ce || return 0
    for file in /etc/apt/sources.list.d/docker.sources /etc/apt/keyrings/docker.gpg; do
        if [ -e "$directory/before$file" ]; then cp -pP "$directory/before$file" "$file"
        else rm -f "$file"; fi
    done
}
packages=$*
repair
if [ "$source" = docker ]; then
    update -o Dir::Etc::sourcelist=sources.list.d/docker.sources -o Dir::Etc::sourceparts=- \
        -o APT::Get::List-Cleanup=0 -o APT::Update::Error-Mode=any ||
        { withdraw; fail "apt refuses Docker's repository; it is not on the host any more"; }
    lists && fresh || update
else
    lists && fresh || update
fi
simulated=
if ! choose; then
    update
    choose || {
        [ -z "$simulated" ] || { printf '%s\n' "$simulated" >&2; fail "apt refuses:$chosen"; }
        fail "no ${packages%% *} $pattern is offered; there are:" \
            $(apt-cache madison "${packages%% *}" | awk -F'|' '{ print $2 }' | head -n 12)
    }
fi
removed=$(printf '%s\n' "$simulated" | sed -n 's/^Remv \([^ ]*\).*/\1/p')
[ -z "$removed" ] || fail "apt would remove other packages:" $removed
added=$(printf '%s\n' "$simulated" | awk '/^Inst / && $3 !~ /^\[/ { print $2 }')
open_manifest "$cluster"
for package in $added; do note package "$package" ""; done
close_manifest "$cluster"
echo "installing$chosen"
apt --allow-change-held-packages install $chosen || { update; apt install $chosen; }
hold
"""
)

# $1 URL, $2 fingerprint, $3 keyring. The fingerprint of a version 4 key is the SHA-1 of its packet.
# The file must hold exactly one primary key, or apt would trust the others as well; what was read
# here is what is kept, so that apt cannot read something else in it.
KEY = r"""
set -eu
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
url=$1; wanted=$2; keyring=$3
folder=$(mktemp -d /tmp/swarmlay-key.XXXXXX)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
refuse() { echo "the key at $url is refused: $*; nothing was written" >&2; exit 4; }
download() { /usr/lib/apt/apt-helper -o Acquire::Retries=2 download-file "$url" "$folder/file"; }
download >"$folder/log" 2>&1 || {
    grep -E '^(E|Err|W):?' "$folder/log" >&2 || cat "$folder/log" >&2
    echo "the key at $url could not be fetched" >&2; exit 1
}
if grep -q '^-----BEGIN PGP' "$folder/file"; then
    [ "$(grep -c '^-----BEGIN PGP' "$folder/file")" = 1 ] || refuse "it holds several blocks"
    tr -d '\r' <"$folder/file" | sed -n '/^-----BEGIN PGP PUBLIC/,/^-----END PGP/p' |
        sed -e '1,/^[[:space:]]*$/d' -e '/^=/d' -e '/^-/d' |
        base64 -d >"$folder/key" || refuse "its armour is broken"
else
    cp "$folder/file" "$folder/key"
fi
size=$(wc -c <"$folder/key"); at=0; keys=0; found=
[ "$size" -lt 1000000 ] || refuse "it is too large"
while [ "$at" -lt "$size" ]; do
    set -- $(od -An -v -tu1 -j "$at" -N 6 "$folder/key")
    [ $# -ge 3 ] || refuse "it ends too early"
    if [ "$1" -ge 192 ]; then
        tag=$(($1 & 63))
        if [ "$2" -lt 192 ]; then head=2; length=$2
        elif [ "$2" -lt 224 ]; then head=3; length=$(((($2 - 192) << 8) + $3 + 192))
        elif [ "$2" = 255 ] && [ $# = 6 ]; then
            head=6; length=$((($3 << 24) + ($4 << 16) + ($5 << 8) + $6))
        else refuse "it is no OpenPGP key"; fi
    elif [ "$1" -ge 128 ]; then
        tag=$((($1 >> 2) & 15))
        case $(($1 & 3)) in
        0) head=2; length=$2 ;;
        1) head=3; length=$((($2 << 8) + $3)) ;;
        2) [ $# -ge 5 ] || refuse "it ends too early"
           head=5; length=$((($2 << 24) + ($3 << 16) + ($4 << 8) + $5)) ;;
        *) refuse "it is no OpenPGP key" ;;
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
[ "$keys" -ge 1 ] || refuse "it is no OpenPGP key"
[ "$found" = "$wanted" ] || refuse "its fingerprint is $found and not $wanted"
[ "$keys" = 1 ] || refuse "beside $wanted it holds $((keys - 1)) more"
umask 022
mkdir -p "${keyring%/*}"
cp "$folder/key" "$keyring.new"
chmod 644 "$keyring.new"
sync "$keyring.new"
mv -f "$keyring.new" "$keyring"
"""
