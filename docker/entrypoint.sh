#!/bin/sh
# Runs one part of Longshore: the backend, a worker, or a command of the command line.
set -eu

usage() {
  cat <<'END'
Usage: docker run longshore <part> [arguments]

  backend                                                 the backend, on port 8000
  api-deployment, general, file-processing, callback      a worker, its health on port 8080, 8081, 8082 or 8083
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
  exec node "/app/$app/main.js" "$@"
}

# serve <variable of its port> <default port>: one of several workers is asked there
ports=
serve() {
  eval "port=\${$1:-$2}"
  export "$1=$port"
  ports="$ports $port"
}

serve_all() {
  for worker in "$@"; do
    case $worker in
      api | api-deployment) serve API_DEPLOYMENT_HEALTH_PORT 8080 ;;
      general) serve GENERAL_HEALTH_PORT 8081 ;;
      file | file-processing) serve FILE_PROCESSING_HEALTH_PORT 8082 ;;
      callback) serve CALLBACK_HEALTH_PORT 8083 ;;
      all) serve_all api general file callback ;;
    esac
  done
}

part=${1:---help}
[ $# -eq 0 ] || shift
case $part in
  backend) start backend PORT 8000 "$@" ;;
  api | api-deployment) start api-deployment API_DEPLOYMENT_HEALTH_PORT 8080 "$@" ;;
  general) start general GENERAL_HEALTH_PORT 8081 "$@" ;;
  file | file-processing) start file-processing FILE_PROCESSING_HEALTH_PORT 8082 "$@" ;;
  callback) start callback CALLBACK_HEALTH_PORT 8083 "$@" ;;
  worker)
    serve_all "$@"
    echo "$ports" > "$port_file"
    exec node /app/cli/main.js worker "$@"
    ;;
  health)
    for port in $(cat "$port_file"); do node /app/health.mjs "$port" || exit 1; done
    ;;
  -h | --help) usage ;;
  *) exec node /app/cli/main.js "$part" "$@" ;;
esac
