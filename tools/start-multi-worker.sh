#!/bin/sh
# Starts everything with docker compose, and general workers of their own for certain queues or groups of tasks.
set -eu

usage() {
  cat <<'END'
Usage: tools/start-multi-worker.sh [NAME=QUEUES[:GROUPS] ...]

  NAME=QUEUES   a general worker of its own, general-NAME, that drains these queues, separated by commas (default: high=high_priority)
  :GROUPS       ... and registers only the tasks of these groups (TASK_GROUPS)
  -h, --help

The worker general keeps what is left of its own queues (general, high_priority, default, low_priority). Missing keys and images are made: docker/make-secrets.sh,
docker/build-images.sh; a worker with other queues gets a service key for them. What was started is written into <LONGSHORE_HOME>/compose.multi-worker.yaml
(.longshore), which scale-workers.sh and monitor-workers.sh read. A second call replaces what the first one said.
Exit codes: 0, 1 when it could not be started, 2 for a wrong command line.

Examples:
  tools/start-multi-worker.sh
  tools/start-multi-worker.sh devops=devops:DevOps,Database ml=ml:MachineLearning
  tools/scale-workers.sh -w general-ml dev 2
END
}

refuse() { echo "start-multi-worker: $1 (see --help)" >&2; exit 2; }
fail() { echo "start-multi-worker: $1" >&2; exit 1; }

case "${1:-}" in -h | --help) usage; exit 0 ;; esac
[ $# -gt 0 ] || set -- high=high_priority

root=$(cd "$(dirname "$0")/.." && pwd)
PATH=$root/node_modules/.bin:$PATH
secrets=${SECRETS_DIR:-$root/docker/secrets}
home=${LONGSHORE_HOME:-$root/.longshore}
file=$home/compose.multi-worker.yaml
own='general high_priority default low_priority'

# Of NAME=QUEUES:GROUPS
name_of() { printf '%s' "${1%%=*}"; }
queues_of() { rest=${1#*=}; printf '%s' "${rest%%:*}"; }
groups_of() { case $1 in *:*) printf '%s' "${1#*:}" ;; esac; }

# is_own QUEUES: whether the key of the worker general is good for all of them.
is_own() {
  for queue in $(printf '%s' "$1" | tr , ' '); do
    case " $own " in *" $queue "*) ;; *) return 1 ;; esac
  done
}

names=' ' taken=' '
for worker in "$@"; do
  case $worker in *=*) ;; *) refuse "\"$worker\" is not NAME=QUEUES" ;; esac
  name=$(name_of "$worker") queues=$(queues_of "$worker") groups=$(groups_of "$worker")
  case $name in '' | -* | *[!a-z0-9-]*) refuse "\"$name\" is no name: small letters, digits and dashes" ;; esac
  case $queues in '' | ,* | *, | *,,* | *[!A-Za-z0-9_.,-]*) refuse "\"$queues\" are no queues" ;; esac
  case $groups in *[!A-Za-z0-9_.,\ -]*) refuse "\"$groups\" are no groups" ;; esac
  case $names in *" $name "*) refuse "$name is there twice" ;; esac
  names="$names$name "
  # Groups of a queue leave the rest of it to the others.
  [ -n "$groups" ] || taken="$taken$(printf '%s' "$queues" | tr , ' ') "
done
left=
for queue in $own; do
  case $taken in *" $queue "*) ;; *) left=${left:+$left,}$queue ;; esac
done
[ -n "$left" ] || refuse 'leave one of its queues to the worker general'

# service NAME QUEUES GROUPS
service() {
  echo "  general-$1:"
  echo "    extends: { file: '$root/docker/compose.yaml', service: general }"
  echo "    command: [-q, '$2']"
  environment="{ TASK_GROUPS: '$3' }"
  if ! is_own "$2"; then
    environment="{ TASK_GROUPS: '$3', INTERNAL_SERVICE_API_KEY_FILE: /run/secrets/service_key_general-$1 }"
    echo "    secrets: [service_key_general-$1]"
  fi
  echo "    environment: $environment"
  # As docker/compose.dev.yaml has it for the others.
  echo "    deploy: { resources: { limits: { memory: 1G, cpus: '1' } } }"
}

compose_file() {
  echo '# Written by tools/start-multi-worker.sh.'
  echo services:
  echo "  general: { command: [-q, '$left'] }"
  for worker in "$@"; do service "$(name_of "$worker")" "$(queues_of "$worker")" "$(groups_of "$worker")"; done
  echo 'secrets:'
  # Always there, so that the list is none that is empty.
  echo "  service_key_general: { file: '$secrets/service_key_general' }"
  for worker in "$@"; do
    is_own "$(queues_of "$worker")" || echo "  service_key_general-$(name_of "$worker"): { file: '$secrets/service_key_general-$(name_of "$worker")' }"
  done
}

compose() { docker compose -f "$root/docker/compose.yaml" -f "$file" "$@"; }

# make_key NAME QUEUES: a service key for a worker whose queues are not those of the worker general.
make_key() {
  key=$secrets/service_key_general-$1
  [ ! -s "$key" ] || return 0
  LONGSHORE_URL=http://127.0.0.1:${PORT:-8000} LONGSHORE_ADMIN_API_KEY=$(cat "$secrets/admin_key") \
    node "$root/apps/cli/src/main.ts" keys create "worker general-$1" --kind service --workers general --queues "$2" > "$key.new" || {
    rm -f "$key.new"
    fail "the backend made no key for general-$1"
  }
  mv "$key.new" "$key"
}

# Containers run as another user: the files open to all, their folder to its owner alone.
umask 022
command -v docker > /dev/null || fail 'there is no docker on the PATH'
docker info > /dev/null 2>&1 || fail 'no Docker engine answers: start it, or see "docker info"'
[ -d "$secrets" ] || "$root/docker/make-secrets.sh" "$secrets"
tag=${LONGSHORE_TAG:-$(node -p "require('$root/package.json').version")}
missing=
for app in backend $(cut -d ' ' -f 1 "$root/docker/workers.txt"); do
  docker image inspect "longshore-$app:$tag" > /dev/null 2>&1 || missing="$missing $app"
done
# shellcheck disable=SC2086 # names
[ -z "$missing" ] || "$root/docker/build-images.sh" --tag "$tag" $missing

mkdir -p "$home"
compose_file "$@" > "$file.new"
mv "$file.new" "$file"
compose up -d --wait backend
for worker in "$@"; do
  queues=$(queues_of "$worker")
  is_own "$queues" || make_key "$(name_of "$worker")" "$queues"
done
compose up -d --remove-orphans
compose ps
echo 'Which tasks each of them loaded:  tools/monitor-workers.sh dev'
