"""The images the lab's registry offers: stand-ins made of Debian's packages: pure.

They answer to the names and commands of the real ones, so that an unmodified playbook works where
the Hub cannot be reached. They are not the real ones: alpine is Debian's busybox on glibc and has
no apk, nginx and redis are the versions of Debian.
"""

from dataclasses import dataclass

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PACKAGES = (
    "nginx",
    "redis-server",
    "redis-tools",
    "busybox",
    "bash",
    "curl",
    "netcat-openbsd",
    "docker-registry",
)

NGINX_CONF = """\
user www-data;
worker_processes 1;
error_log /dev/stderr notice;
pid /run/nginx.pid;
events { worker_connections 512; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /dev/stdout;
    sendfile on;
    keepalive_timeout 65;
    include /etc/nginx/conf.d/*.conf;
}
"""
NGINX_SITE = """\
server {
    listen 80;
    server_name localhost;
    add_header X-Served-By $hostname always;
    location / {
        root /usr/share/nginx/html;
        index index.html;
        sub_filter "@hostname@" $hostname;
    }
}
"""
NGINX_PAGE = """\
<!DOCTYPE html>
<html>
<head><title>Welcome to nginx!</title></head>
<body>
<h1>Welcome to nginx!</h1>
<p>Served by @hostname@</p>
<p><em>Thank you for using nginx.</em></p>
</body>
</html>
"""
REDIS_ENTRYPOINT = """\
#!/bin/sh
# As the real image: without a command or with mere options, the server, open to its networks.
[ "${1#-}" = "$1" ] && [ "${1%.conf}" = "$1" ] || set -- redis-server "$@"
[ "$1" != redis-server ] || set -- "$@" --protected-mode no --bind "*"
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class StandIn:
    """One repository of the registry.

    Attributes:
        name: as in ``docker pull NAME``. tags: what follows the colon.
        layers: folders of the workshop, lowest first.
        package: the Debian package it is made of.
        versioned: tags that get a digest of their own, so that an update has something to do.
    """

    name: str
    tags: tuple[str, ...]
    layers: tuple[str, ...]
    package: str
    command: tuple[str, ...]
    entrypoint: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: str = ""
    folder: str = ""
    versioned: tuple[str, ...] = ()


STAND_INS = (
    StandIn(
        "nginx",
        ("latest", "stable", "alpine", "1.26", "1.26-alpine"),
        ("base", "nginx"),
        "nginx",
        ("nginx", "-g", "daemon off;"),
        ports=("80/tcp",),
        stop_signal="SIGQUIT",
        versioned=("1.25", "1.27", "1.27-alpine", "1.28", "1.29"),
    ),
    StandIn(
        "redis",
        ("latest", "alpine", "8", "8-alpine", "8.0"),
        ("base", "redis"),
        "redis-server",
        ("redis-server",),
        entrypoint=("docker-entrypoint.sh",),
        ports=("6379/tcp",),
        volumes=("/data",),
        folder="/data",
        versioned=("6", "7", "7-alpine", "7.2", "7.4"),
    ),
    StandIn("busybox", ("latest", "1", "1.37"), ("base",), "busybox", ("sh",),
            versioned=("1.36",)),
    StandIn("alpine", ("latest", "3", "3.20", "3.21", "3.22"), ("base", "alpine"), "busybox",
            ("/bin/sh",), versioned=("3.18", "3.19")),
)  # fmt: skip


def workshop_script() -> str:
    """Inside a throw-away Debian: install the packages and lay out each layer below /workshop.

    A layer is programs with the libraries they need and the few files they read, so that a pull
    takes a moment.
    """
    return f"""set -eu
apt-get -q update
apt-get -q install -y --no-install-recommends {" ".join(PACKAGES)}
mkdir -p /workshop/tools
cd /workshop

skeleton() {{
  mkdir -p $1/usr/bin $1/usr/sbin $1/usr/lib $1/usr/lib64
  for name in bin sbin lib lib64; do ln -s usr/$name $1/$name; done
}}
closure() {{
  printf '%s\\n' "$@"
  ldd "$@" | sed -n 's,.*[[:space:]]\\(/[^ ]*\\) (0x.*,\\1,p'
}}
bring() {{
  layer=$1
  shift
  closure "$@" | sort -u | while read -r file; do
    mkdir -p "$layer$(dirname "$file")"
    cp -L "$file" "$layer$file"
  done
}}

skeleton base
bring base /bin/busybox
for applet in $(busybox --list); do
  [ -e base/usr/bin/$applet ] || ln -s busybox base/usr/bin/$applet
done
rm base/usr/bin/nc
bring base /bin/nc.openbsd
mv base/bin/nc.openbsd base/bin/nc
mkdir -p base/etc base/root base/home base/var/run base/var/log base/run base/proc base/sys base/dev
mkdir -p -m 1777 base/tmp base/var/tmp
grep -E '^(root|daemon|bin|sys|www-data|nobody|redis):' /etc/passwd |
  sed 's,:/bin/bash$,:/bin/sh,' >base/etc/passwd
grep -E '^(root|daemon|bin|sys|tty|www-data|nogroup|redis):' /etc/group >base/etc/group
echo 'hosts: files dns' >base/etc/nsswitch.conf
cat >base/etc/os-release <<'EOF'
NAME="swarmlay stand-in"
ID=swarmlay-stand-in
ID_LIKE=debian
PRETTY_NAME="swarmlay stand-in made of Debian packages"
EOF

skeleton alpine
mkdir alpine/etc
echo 'not Alpine: a stand-in made of Debian busybox' >alpine/etc/alpine-release

skeleton nginx
bring nginx /usr/sbin/nginx /bin/bash /usr/bin/curl
mkdir -p nginx/etc/nginx/conf.d nginx/usr/share/nginx/html nginx/var/lib/nginx nginx/var/log/nginx
cp /etc/nginx/mime.types /etc/nginx/fastcgi_params nginx/etc/nginx/
cat >nginx/etc/nginx/nginx.conf <<'EOF'
{NGINX_CONF}EOF
cat >nginx/etc/nginx/conf.d/default.conf <<'EOF'
{NGINX_SITE}EOF
cat >nginx/usr/share/nginx/html/index.html <<'EOF'
{NGINX_PAGE}EOF
ln -s /dev/stdout nginx/var/log/nginx/access.log
ln -s /dev/stderr nginx/var/log/nginx/error.log

skeleton redis
bring redis /usr/bin/redis-server /usr/bin/redis-cli
mkdir -p redis/data redis/usr/local/bin
cat >redis/usr/local/bin/docker-entrypoint.sh <<'EOF'
{REDIS_ENTRYPOINT}EOF
chmod 755 redis/usr/local/bin/docker-entrypoint.sh

mkdir -p tools/lib
cp /usr/bin/docker-registry tools/
closure /usr/bin/docker-registry | grep / | while read -r file; do cp -L "$file" tools/lib/; done
rm tools/lib/docker-registry
for package in nginx redis-server busybox; do
  dpkg-query -W -f '${{Version}}' $package >tools/$package.version
done
"""
