#!/bin/sh
# Runs one part of Longshore: the backend, a worker, or a command of the command line.
set -eu

usage() {
  cat <<'END'
Usage: docker run longshore <part> [arguments]

  backend                                                 the backend, on port 8000
  api-deployment, general, file-processing, callback, …   a worker, its health on its own port: 8080 to 8083, …
  api, file                                               short for api-deployment and file-processing
  worker <workers>                                        several of these, or "all", each in a process of its own
  any other word                                          a command of the command line: workers, keys, submit, …

Examples:
  docker run longshore backend
  docker run longshore general -c 8 -q general,default
  docker run longshore worker api file callback
  docker run -e LONGSHORE_URL=http://backend:8000 longshore workers
END
}

# The health check runs beside the part and has to find its port.
port_file=/tmp/longshore-health-port

# start <app> <variable of its port> <default port> [arguments]
start() {
  app=$1 variable=$2
  eval "port=\${$variable:-$3}"
  export "$variable=$port"
  echo "$port" > "$port_file"
  shift 3
  # The space for its youngest objects, which grows with its work, is bounded: see docs/decisions/memory.md.
  case $app in
    backend | general) exec node --max-semi-space-size=16 "/app/$app/main.js" "$@" ;;
    *) exec node "/app/$app/main.js" "$@" ;;
  esac
}

# serve <variable of its port> <default port>: one of several workers is asked there
ports=
serve() {
  eval "port=\${$1:-$2}"
  export "$1=$port"
  ports="$ports $port"
}

# Each worker with its port, a line each.
workers=$(dirname "$0")/workers.txt

# full_name WORD
full_name() {
  case $1 in
    api) echo api-deployment ;;
    file) echo file-processing ;;
    *) echo "$1" ;;
  esac
}

# port_of WORKER: nothing when it is none
port_of() { sed -n "s/^$1 //p" "$workers"; }
variable_of() { printf '%s_HEALTH_PORT' "$1" | tr 'a-z-' 'A-Z_'; }

serve_all() {
  for word in "$@"; do
    worker=$(full_name "$word")
    # shellcheck disable=SC2046 # names
    if [ "$worker" = all ]; then
      serve_all $(cut -d ' ' -f 1 "$workers")
    elif is_worker "$worker"; then
      serve "$(variable_of "$worker")" "$(port_of "$worker")"
    fi
  done
}

is_worker() {
  case $1 in '' | *[!a-z0-9-]*) return 1 ;; esac
  [ -n "$(port_of "$1")" ]
}

part=${1:---help}
[ $# -eq 0 ] || shift
case $part in
  backend) start backend PORT 8000 "$@" ;;
  worker)
    serve_all "$@"
    # Packed in one process they have one health server, that of the first.
    case " $* " in *' --packed '*) ports=$(echo $ports | cut -d ' ' -f 1) ;; esac
    echo "$ports" > "$port_file"
    exec node /app/cli/main.js worker "$@"
    ;;
  health)
    for port in $(cat "$port_file"); do node /app/health.mjs "$port" || exit 1; done
    ;;
  -h | --help) usage ;;
  *)
    name=$(full_name "$part")
    if is_worker "$name"; then start "$name" "$(variable_of "$name")" "$(port_of "$name")" "$@"; fi
    exec node /app/cli/main.js "$part" "$@"
    ;;
esac
