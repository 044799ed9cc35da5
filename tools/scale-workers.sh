#!/bin/sh
# Sets how many processes of each worker run: in development by docker compose, in production and staging by kubectl.
set -eu

usage() {
  cat <<'END'
Usage: tools/scale-workers.sh [-w WORKER] [-c CONTEXT] [dev|prod|stage] [N]

  dev           containers of docker/compose.yaml with docker/compose.dev.yaml (default)
  prod, stage   deployments in the namespace longshore-prod or longshore-stage
  N             processes of each worker, 0 to 100 (default 3)

  -w WORKER     this one alone: one of docker/workers.txt, or of start-multi-worker.sh; may be repeated
  -c CONTEXT    of kubectl (default: the current one)
  -h, --help

An autoscaler goes on from the N that it finds, and keeps it in its range; an N outside of that is refused.
Exit codes: 0, 1 for a wrong environment or number and when scaling failed.

Examples:
  tools/scale-workers.sh dev 5
  tools/scale-workers.sh -w file-processing dev 8
  tools/scale-workers.sh prod 6
  tools/scale-workers.sh -c staging-cluster -w general stage 4
END
}

refuse() { echo "scale-workers: $1" >&2; usage >&2; exit 1; }

workers='' context=''
case "${1:-}" in --help) usage; exit 0 ;; esac
while getopts :w:c:h option; do
  case $option in
    w) workers="$workers $OPTARG" ;;
    c) context=$OPTARG ;;
    h) usage; exit 0 ;;
    *) refuse "-$OPTARG is no option, or needs a value" ;;
  esac
done
shift $((OPTIND - 1))
environment=${1-dev} number=${2-3}
case $environment in dev | prod | stage) ;; *) refuse "\"$environment\" is no environment" ;; esac
case $number in '' | *[!0-9]* | ????*) refuse "\"$number\" is no number of processes" ;; esac
[ "$number" -le 100 ] || refuse "$number is more than 100"
[ $# -le 2 ] || refuse "what is \"$3\"?"
for worker in $workers; do
  case $worker in -* | *[!a-z0-9-]*) refuse "\"$worker\" is no worker" ;; esac
done
root=$(cd "$(dirname "$0")/.." && pwd)
workers=${workers:- $(cut -d ' ' -f 1 "$root/docker/workers.txt" | paste -s -d ' ' -)}
[ "$number" -gt 1 ] || echo "With fewer than 2 nobody takes over while one is lost or restarts."

scale_containers() {
  multi=${LONGSHORE_HOME:-$root/.longshore}/compose.multi-worker.yaml
  set -- compose -f "$root/docker/compose.yaml" -f "$root/docker/compose.dev.yaml"
  if [ -f "$multi" ]; then set -- "$@" -f "$multi"; fi
  scales=''
  for worker in $workers; do scales="$scales --scale $worker=$number"; done
  # Named, so that the number of all others stays as it is.
  # shellcheck disable=SC2086 # words without blanks
  docker "$@" up -d --no-recreate $scales $workers
  # shellcheck disable=SC2086
  docker "$@" ps $workers
}

scale_deployments() {
  set -- --namespace "longshore-$environment"
  if [ -n "$context" ]; then set -- --context "$context" "$@"; fi
  for worker in $workers; do
    range=$(kubectl "$@" get hpa "$worker" --ignore-not-found -o 'jsonpath={.spec.minReplicas} {.spec.maxReplicas}')
    [ -n "$range" ] || continue
    if [ "$number" -lt "${range% *}" ] || [ "$number" -gt "${range#* }" ]; then
      echo "scale-workers: the autoscaler keeps $worker between ${range% *} and ${range#* }. To have others, change its range:" >&2
      echo "  kubectl $* patch hpa $worker --patch '{\"spec\":{\"minReplicas\":$number}}'" >&2
      exit 1
    fi
  done
  # shellcheck disable=SC2086
  kubectl "$@" scale deployment $workers --replicas="$number"
  # shellcheck disable=SC2086
  kubectl "$@" get deployment $workers
}

if [ "$environment" = dev ]; then scale_containers; else scale_deployments; fi
