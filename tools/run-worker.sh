#!/usr/bin/env bash
# Starts workers of this checkout, or of bundles, and looks after those that it started.
set -euo pipefail

usage() {
  cat <<'END'
Usage: tools/run-worker.sh [options] WORKER ...
       tools/run-worker.sh -s | -k | -r | -L [-f] [WORKER or NAME ...]

  WORKER        api, general, file, callback (or their full names), any other worker there is; all: each of them, as with -d

  -e FILE       read variables from this file; what is set already goes before it
  -d            go on in the background: log in $LONGSHORE_LOG_DIR/<worker>.log, process id beside it in <worker>.pid
  -l LEVEL      DEBUG, INFO, WARNING or ERROR
  -c N          runs at once
  -q QUEUES     queues to drain, strictly in this order, separated by commas    (one worker only)
  -p PORT       port of the health server                                       (one worker only)
  -n NAME       name of the process, for a second one of the same worker        (one worker only)

  -s            status: process, health port, health; exit code 0 when all are healthy and ready, 3 when none was started
  -k            kill: tell to stop, and wait until it has finished or handed back what it does (SHUTDOWN_GRACE and 10 s)
  -r            restart, as it was started; those that run or died
  -L            the last lines of the logs; with -f go on
  -h, --help

Without names, -s, -k, -r and -L are about all that -d started. Files lie in LONGSHORE_LOG_DIR, else in <LONGSHORE_HOME>/logs
(.longshore/logs). LONGSHORE_APPS names a folder of bundles (dist/apps) to run instead of the sources.
Exit codes: 0, 1 after a failure, 2 for a wrong command line, 3 for -s when nothing was started; else that of the worker.

Examples:
  tools/run-worker.sh general                       one worker, until Ctrl-C
  tools/run-worker.sh -l DEBUG -c 8 file
  tools/run-worker.sh -d api file callback          three in the background
  tools/run-worker.sh -e production.env all
  tools/run-worker.sh -d -n file-02 file            a second one
  tools/run-worker.sh -s && tools/run-worker.sh -L -f file-02
  tools/run-worker.sh -r general && tools/run-worker.sh -k
END
}

fail() { echo "run-worker: $1" >&2; exit 1; }
wrong() { echo "run-worker: $1 (see --help)" >&2; exit 2; }

root=$(cd "$(dirname "$0")/.." && pwd)
PATH=$root/node_modules/.bin:$PATH

# --- what there is to run

all_workers=()
while read -r worker _port; do all_workers+=("$worker"); done < "$root/docker/workers.txt"

full_name() {
  case $1 in
    api) echo api-deployment ;;
    file) echo file-processing ;;
    python) echo python-execution ;;
    *) echo "$1" ;;
  esac
}

# entry WORKER: the file that starts it; fails when there is none.
entry() {
  local file
  case $1 in backend | cli | dashboard | */* | .*) return 1 ;; esac
  if [[ -n ${LONGSHORE_APPS:-} ]]; then file=$LONGSHORE_APPS/$1/main.js; else file=$root/apps/$1/src/main.ts; fi
  [[ -f $file ]] && echo "$file"
}

# --- what was started: <name>.pid holds the process id, <name>.start the worker, the folder, the file of -e, and the arguments

worker_of() { head -n 1 "$logs/$1.start"; }

# is_running NAME: whether its process lives, and is no other that got the same id since. Leaves the id in $pid.
is_running() {
  pid=
  [[ -f $logs/$1.pid && -f $logs/$1.start ]] || return 1
  read -r pid < "$logs/$1.pid" || return 1
  [[ $pid =~ ^[0-9]+$ ]] && kill -0 "$pid" 2> /dev/null || return 1
  [[ $(ps -p "$pid" -o args= 2> /dev/null) == *"/$(worker_of "$1")/"*main.?s* ]]
}

# find_started [WORKER or NAME ...]: the names of those that -d started, into the array names.
find_started() {
  local file name wanted
  names=()
  for file in "$logs"/*.start; do
    [[ -f $file ]] || continue
    name=$(basename "$file" .start)
    if [[ $# -eq 0 ]]; then names+=("$name"); fi
    for wanted in "$@"; do
      wanted=$(full_name "$wanted")
      if [[ $wanted == all || $wanted == "$name" || $wanted == "$(worker_of "$name")" ]]; then
        names+=("$name")
        break
      fi
    done
  done
  if [[ ${#names[@]} -eq 0 && $# -gt 0 ]]; then fail "none of these was started with -d: $*"; fi
}

# --- starting

# command_of WORKER [arguments]: what node is given, into the array command.
command_of() {
  command=(node ${env_file:+"--env-file=$env_file"} "$(entry "$1")" "${@:2}")
}

# start_detached NAME WORKER [arguments]
start_detached() {
  local name=$1 worker=$2 detach=''
  shift 2
  mkdir -p "$logs" 2> /dev/null || fail "cannot make the folder $logs"
  # Of two calls at the same moment one goes first.
  if ! mkdir "$logs/$name.lock" 2> /dev/null; then
    complain "$name is being started or stopped by another call; if none is at work: rmdir $logs/$name.lock"
    return 1
  fi
  # shellcheck disable=SC2064 # the folder of now
  trap "rmdir '$logs/$name.lock' 2> /dev/null" EXIT
  local started=0
  if is_running "$name"; then
    complain "$name runs already (process $pid); -r starts it anew, -n another one beside it"
    started=1
  else
    printf '%s\n' "$worker" "$PWD" "$env_file" "$@" > "$logs/$name.start"
    command_of "$worker" "$@"
    # A session of its own outlives the terminal.
    if command -v setsid > /dev/null; then detach=setsid; fi
    local said
    said=$(times_ready "$name")
    LONGSHORE_LOG_DIR=$logs $detach "${command[@]}" < /dev/null > /dev/null 2> "$logs/$name.err" &
    pid=$!
    echo "$pid" > "$logs/$name.pid"
    await_start "$name" "$said" || started=1
  fi
  rmdir "$logs/$name.lock"
  trap - EXIT
  return "$started"
}

complain() { echo "run-worker: $1" >&2; }

READY='"message":"health server listens"'
times_ready() { if [[ -f $logs/$1.log ]]; then grep -c "$READY" "$logs/$1.log" || true; else echo 0; fi; }
port_of() { grep "$READY" "$logs/$1.log" 2> /dev/null | tail -n 1 | sed -n 's/.*"port":\([0-9]*\).*/\1/p'; }

# await_start NAME TIMES: until its log says once more that its health server listens, or it ends; one that is slow or says little is left alone.
await_start() {
  local tries code=0
  for ((tries = 0; tries < 100; tries++)); do
    if ! kill -0 "$pid" 2> /dev/null; then
      wait "$pid" || code=$?
      complain "$1 ended with $code as soon as it was started:"
      if [[ -s $logs/$1.err ]]; then cat "$logs/$1.err" >&2; else tail -n 3 "$logs/$1.log" >&2 || true; fi
      rm -f "$logs/$1.pid" "$logs/$1.start" "$logs/$1.err"
      return 1
    fi
    if [[ $(times_ready "$1") != "$2" ]]; then
      echo "$1 runs (process $pid, health on port $(port_of "$1"), log $logs/$1.log)"
      return 0
    fi
    sleep 0.1
  done
  echo "$1 was started (process $pid) and has not said yet that it is there: see -s $1"
}

# start_together WORKER ...: in the foreground, until all have ended. What this process is told, all are told.
start_together() {
  local worker each code result=0 pids=()
  for worker in "$@"; do
    command_of "$worker" ${arguments[@]+"${arguments[@]}"}
    "${command[@]}" &
    pids+=($!)
  done
  trap 'kill -TERM "${pids[@]}" 2> /dev/null' INT TERM HUP
  for each in "${pids[@]}"; do
    # A signal interrupts the wait: the end is still to come.
    while :; do
      code=0
      wait "$each" || code=$?
      kill -0 "$each" 2> /dev/null || break
    done
    # How it ended, when it did while the signal was handled.
    if [[ $code -gt 128 ]]; then code=0; wait "$each" || code=$?; fi
    if [[ $result -eq 0 && $code -ne 127 ]]; then result=$code; fi
  done
  exit "$result"
}

# --- looking after what was started

# health_of PORT: its status and reasons in one line; fails when it is not healthy or not ready.
health_of() {
  # shellcheck disable=SC2016 # what stands there is JavaScript
  node --input-type=module -e '
    const ask = async (path) => {
      const answer = await fetch(`http://127.0.0.1:${process.argv[1]}${path}`, { signal: AbortSignal.timeout(4000) });
      return await answer.json();
    };
    try {
      const { status, reasons, active_tasks, processed_tasks } = await ask("/health");
      const { status: readiness, reason } = await ask("/ready");
      const waits = readiness === "ready" ? [] : [`not ready: ${reason}`];
      process.stdout.write([status, ...reasons, ...waits, `${active_tasks} at work`, `${processed_tasks} done`].join(", "));
      process.exitCode = status === "healthy" && readiness === "ready" ? 0 : 1;
    } catch {
      process.stdout.write("does not answer");
      process.exitCode = 1;
    }' "$1"
}

status() {
  local name port health worst=0
  find_started "$@"
  if [[ ${#names[@]} -eq 0 ]]; then echo "nothing was started with -d ($logs)"; exit 3; fi
  for name in "${names[@]}"; do
    if is_running "$name"; then
      port=$(port_of "$name")
      if ! health=$(health_of "${port:-0}"); then worst=1; fi
      printf '%-24s process %-8s port %-6s %s\n' "$name" "$pid" "${port:--}" "$health"
    else
      printf '%-24s is not running\n' "$name"
      worst=1
    fi
  done
  exit "$worst"
}

tell_to_stop() {
  local name
  for name in "$@"; do if is_running "$name"; then kill -TERM "$pid" 2> /dev/null || true; fi; done
}

# await_end NAME: by force when it takes longer than it may.
await_end() {
  local tries
  if ! is_running "$1"; then echo "$1 has stopped"; rm -f "$logs/$1.pid"; return; fi
  for ((tries = 0; tries < (grace + 10) * 10; tries++)); do
    sleep 0.1
    if ! is_running "$1"; then echo "$1 has stopped"; rm -f "$logs/$1.pid"; return; fi
  done
  kill -KILL "$pid" 2> /dev/null || true
  echo "$1 did not stop in time and was killed; what it did begins anew elsewhere"
  rm -f "$logs/$1.pid"
}

stop_all() {
  local name
  find_started "$@"
  tell_to_stop ${names[@]+"${names[@]}"}
  for name in ${names[@]+"${names[@]}"}; do
    await_end "$name"
    rm -f "$logs/$name.start" "$logs/$name.err"
  done
}

restart() {
  local name failed=0
  find_started "$@"
  [[ ${#names[@]} -gt 0 ]] || fail "nothing was started with -d ($logs)"
  for name in "${names[@]}"; do
    tell_to_stop "$name"
    await_end "$name"
    start_again "$name" || failed=1
  done
  exit "$failed"
}

# start_again NAME: in the folder and with the arguments of the first time.
start_again() (
  lines=()
  while IFS= read -r line; do lines+=("$line"); done < "$logs/$1.start"
  env_file=${lines[2]}
  cd "${lines[1]}" || fail "the folder of $1 is gone: ${lines[1]}"
  entry "${lines[0]}" > /dev/null || fail "there is no worker ${lines[0]} any more"
  start_detached "$1" "${lines[0]}" ${lines[@]+"${lines[@]:3}"}
)

show_logs() {
  local name files=()
  find_started "$@"
  for name in ${names[@]+"${names[@]}"}; do if [[ -f $logs/$name.log ]]; then files+=("$logs/$name.log"); fi; done
  [[ ${#files[@]} -gt 0 ]] || fail "there are no logs in $logs"
  if [[ $follow == 1 ]]; then exec tail -n 50 -F "${files[@]}"; fi
  tail -n 50 "${files[@]}"
}

# --- the command line

env_file='' given_name='' detached=0 follow=0 action=start single='' arguments=()
act() { [[ $action == start ]] || wrong '-s, -k, -r and -L exclude each other'; action=$1; }

if [[ ${1:-} == --help ]]; then usage; exit 0; fi
while getopts :e:dl:c:q:p:n:skrLfh option; do
  case $option in
    e) env_file=$OPTARG ;;
    d) detached=1 ;;
    l | c) arguments+=("-$option" "$OPTARG") ;;
    q | p) arguments+=("-$option" "$OPTARG") single=$option ;;
    n) arguments+=(-n "$OPTARG") single=n given_name=$OPTARG ;;
    s) act status ;;
    k) act kill ;;
    r) act restart ;;
    L) act logs ;;
    f) follow=1 ;;
    h) usage; exit 0 ;;
    :) wrong "-$OPTARG needs a value" ;;
    # A long one, which getopts takes letter by letter: it stands there whole.
    \?) [[ $OPTARG != - ]] || wrong "${!OPTIND} is no option"; wrong "-$OPTARG is no option" ;;
  esac
done
shift $((OPTIND - 1))
for word in "$@"; do if [[ $word == -* ]]; then wrong "options go before the workers: $word"; fi; done
if [[ -n $given_name && ! $given_name =~ ^[A-Za-z0-9_-][A-Za-z0-9._-]*$ ]]; then
  wrong "\"$given_name\" is no name: letters, digits, dots, dashes and underscores"
fi
if [[ $follow == 1 && $action != logs ]]; then wrong '-f belongs to -L'; fi
if [[ $action != start && (${#arguments[@]} -gt 0 || $detached == 1) ]]; then wrong '-d, -l, -c, -q, -p and -n are for starting'; fi

if [[ -n $env_file ]]; then
  [[ -f $env_file && -r $env_file ]] || fail "cannot read $env_file"
  env_file=$(cd "$(dirname "$env_file")" && pwd)/$(basename "$env_file")
fi
command -v node > /dev/null || fail "there is no node: run npm install in $root"

# What the workers will find: environment, -e, .env; so that a log is looked for where it is written.
settings=$(node --env-file-if-exists=.env ${env_file:+"--env-file=$env_file"} -e '
  const { LONGSHORE_LOG_DIR: logs, LONGSHORE_HOME: home, SHUTDOWN_GRACE: grace } = process.env;
  const path = require("node:path");
  console.log(path.resolve(logs || path.join(home || ".longshore", "logs")));
  console.log(grace >= 0 ? Math.ceil(grace) : 30);' 2> /dev/null) || fail "node cannot read ${env_file:-.env}"
logs=${settings%$'\n'*}
grace=${settings##*$'\n'}

case $action in
  status) status "$@" ;;
  kill) stop_all "$@"; exit 0 ;;
  restart) restart "$@" ;;
  logs) show_logs "$@"; exit 0 ;;
esac

[[ $# -gt 0 ]] || wrong 'which worker?'
wanted=()
add() { [[ " ${wanted[*]-} " == *" $1 "* ]] || wanted+=("$1"); }
for word in "$@"; do
  if [[ $word == all ]]; then
    detached=1
    for worker in "${all_workers[@]}"; do if entry "$worker" > /dev/null; then add "$worker"; fi; done
  else
    worker=$(full_name "$word")
    entry "$worker" > /dev/null || wrong "there is no worker \"$word\" in ${LONGSHORE_APPS:-$root/apps}"
    add "$worker"
  fi
done
if [[ -n $single && ${#wanted[@]} -gt 1 ]]; then wrong "-$single is for one worker at a time"; fi

if [[ $detached == 1 ]]; then
  failed=0
  for worker in "${wanted[@]}"; do
    start_detached "${given_name:-$worker}" "$worker" ${arguments[@]+"${arguments[@]}"} || failed=1
  done
  exit "$failed"
fi
if [[ ${#wanted[@]} -gt 1 ]]; then start_together "${wanted[@]}"; fi
command_of "${wanted[0]}" ${arguments[@]+"${arguments[@]}"}
exec "${command[@]}"
