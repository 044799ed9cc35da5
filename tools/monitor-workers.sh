#!/bin/sh
# shellcheck disable=SC2317 # what `show` is given is called
# Shows how the workers are: processes, last log lines, queues, what comes next; in a cluster also deployments, pods, autoscalers, events.
set -eu

usage() {
  cat <<'END'
Usage: tools/monitor-workers.sh [-n LINES] [-c CONTEXT] [dev|prod|stage]

  dev           containers of docker/compose.yaml (default)
  prod, stage   the namespace longshore-prod or longshore-stage

  -n LINES      log lines of each process (default 5)
  -c CONTEXT    of kubectl (default: the current one)
  -h, --help

The backend is asked for workers, queues and jobs: at LONGSHORE_URL with LONGSHORE_ADMIN_API_KEY and LONGSHORE_API_KEY. What of these is not set comes
from docker/secrets (SECRETS_DIR) and 127.0.0.1:8000 (PORT), in a cluster from the secret longshore and through a port that kubectl forwards.
Exit codes: 0, 1 for a wrong environment and when something could not be shown.

Examples:
  tools/monitor-workers.sh
  tools/monitor-workers.sh -n 50 prod
  watch -n 10 tools/monitor-workers.sh stage
END
}

refuse() { echo "monitor-workers: $1" >&2; usage >&2; exit 1; }

lines=5 context=''
case "${1:-}" in --help) usage; exit 0 ;; esac
while getopts :n:c:h option; do
  case $option in
    n) lines=$OPTARG ;;
    c) context=$OPTARG ;;
    h) usage; exit 0 ;;
    *) refuse "-$OPTARG is no option, or needs a value" ;;
  esac
done
shift $((OPTIND - 1))
environment=${1-dev}
case $environment in dev | prod | stage) ;; *) refuse "\"$environment\" is no environment" ;; esac
case $lines in '' | *[!0-9]*) refuse "\"$lines\" is no number of lines" ;; esac
[ $# -le 1 ] || refuse "what is \"$2\"?"

root=$(cd "$(dirname "$0")/.." && pwd)
PATH=$root/node_modules/.bin:$PATH
workers=$(cut -d ' ' -f 1 "$root/docker/workers.txt" | paste -s -d ' ' -)
failed=0

# show TITLE COMMAND ...: what fails is told, and the rest is shown all the same.
show() {
  printf '\n== %s\n' "$1"
  shift
  "$@" 2>&1 || failed=1
}

# --- what the backend knows

cli() { node "$root/apps/cli/src/main.ts" "$@"; }

# use_keys CREDENTIALS: those of its keys that are not set.
use_keys() {
  # shellcheck disable=SC2016 # what stands there is JavaScript
  keys=$(printf '%s' "$1" | node -e '
    const { admin_key, api_key } = JSON.parse(require("fs").readFileSync(0, "utf8"));
    console.log(`${admin_key}\n${api_key}`);' 2> /dev/null) || return 0
  LONGSHORE_ADMIN_API_KEY=${LONGSHORE_ADMIN_API_KEY:-$(printf '%s\n' "$keys" | sed -n 1p)}
  LONGSHORE_API_KEY=${LONGSHORE_API_KEY:-$(printf '%s\n' "$keys" | sed -n 2p)}
  export LONGSHORE_ADMIN_API_KEY LONGSHORE_API_KEY
}

next_jobs() {
  queued=$(cli tasks list --status queued --limit 1 --json) || return 1
  total=$(printf '%s' "$queued" | node -p 'JSON.parse(require("fs").readFileSync(0, "utf8")).total')
  offset=0
  if [ "$total" -gt 5 ]; then offset=$((total - 5)); fi
  if [ "$total" -eq 0 ]; then
    echo 'No queued tasks.'
  else
    tasks=tasks
    if [ "$total" -eq 1 ]; then tasks=task; fi
    echo "$total queued $tasks, of which these came first:"
    cli tasks list --status queued --limit 5 --offset "$offset"
  fi
  waiting=$(cli executions list --status PENDING --limit 1 --json) || return 1
  case $waiting in
    *'"execution_id"'*)
      echo 'Executions that wait for a worker:'
      cli executions list --status PENDING --limit 5
      ;;
    *) echo 'No execution waits for a worker.' ;;
  esac
}

show_backend() {
  show 'Workers that the backend hears of' cli workers
  show 'Queues' cli queues
  show 'Next jobs' next_jobs
}

# --- development

# Containers of start-multi-worker.sh belong to the project too.
compose() {
  multi=${LONGSHORE_HOME:-$root/.longshore}/compose.multi-worker.yaml
  if [ -f "$multi" ]; then set -- -f "$multi" "$@"; fi
  docker compose -f "$root/docker/compose.yaml" -f "$root/docker/compose.dev.yaml" "$@"
}

monitor_containers() {
  LONGSHORE_URL=${LONGSHORE_URL:-http://127.0.0.1:${PORT:-8000}}
  export LONGSHORE_URL
  credentials=${SECRETS_DIR:-$root/docker/secrets}/credentials.json
  if [ -f "$credentials" ]; then use_keys "$(cat "$credentials")"; fi
  show Containers compose ps
  show_backend
  show 'Last log lines' last_container_logs
}

# Also of the workers that start-multi-worker.sh added. Compose clears the line before it writes one, terminal or not.
last_container_logs() {
  services=$(compose config --services | grep -vx -e backend -e postgres -e redis) || return 1
  # shellcheck disable=SC2086 # names
  compose logs --no-color --tail "$lines" $services | sed "s/$(printf '\033')\[[0-9;]*[A-Za-z]//g"
}

# --- a cluster

cluster() {
  if [ -n "$context" ]; then set -- --context "$context" "$@"; fi
  kubectl --namespace "longshore-$environment" "$@"
}

# forward: a port of this machine that leads to a backend, into LONGSHORE_URL, until this script ends.
forward() {
  said=$(mktemp)
  cluster port-forward service/backend :8000 > "$said" 2>&1 &
  forwarder=$!
  trap 'kill "$forwarder" 2> /dev/null; rm -f "$said"' EXIT
  tries=0
  until port=$(sed -n 's/^Forwarding from 127\.0\.0\.1:\([0-9]*\) .*/\1/p' "$said") && [ -n "$port" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$forwarder" 2> /dev/null; then
      echo "monitor-workers: no way to the backend: $(cat "$said")" >&2
      failed=1
      return 1
    fi
    sleep 0.1
  done
  LONGSHORE_URL=http://127.0.0.1:$port
  export LONGSHORE_URL
}

last_logs() {
  for worker in $workers; do
    cluster logs --selector "app.kubernetes.io/name=longshore,app.kubernetes.io/component=$worker" --prefix --tail "$lines" || return 1
  done
}

last_events() {
  events=$(cluster get events --sort-by=.lastTimestamp) || return 1
  printf '%s\n' "$events" | tail -n 20
}

monitor_cluster() {
  if [ -z "${LONGSHORE_ADMIN_API_KEY:-}" ] || [ -z "${LONGSHORE_API_KEY:-}" ]; then
    use_keys "$(cluster get secret longshore -o 'jsonpath={.data.credentials\.json}' 2> /dev/null | base64 -d 2> /dev/null)"
  fi
  show Deployments cluster get deployments -o wide
  show Pods cluster get pods --selector app.kubernetes.io/name=longshore -o wide
  show Autoscalers cluster get hpa
  show 'Last events' last_events
  if [ -n "${LONGSHORE_URL:-}" ] || forward; then show_backend; fi
  show 'Last log lines' last_logs
}

if [ "$environment" = dev ]; then monitor_containers; else monitor_cluster; fi
exit "$failed"
