#!/bin/sh
# Builds the bundles and from them one image for the backend, one for each worker, and one that holds all.
set -eu

usage() {
  cat <<'END'
Usage: docker/build-images.sh [--tag TAG] [--base IMAGE] [APP ...]

  --tag TAG     of the images; default: the version in package.json
  --base IMAGE  an image with Node 24; default: the one that the Dockerfiles name (NODE_IMAGE)
  APP           backend, a worker (docker/workers.txt has them), longshore (all in one); default: all of them

Examples:
  docker/build-images.sh
  docker/build-images.sh --tag dev general
  docker/build-images.sh --base node:24.21.0-bookworm-slim@sha256:…
END
}

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
workers=$(cut -d ' ' -f 1 "$here/workers.txt" | tr '\n' ' ')
base=${NODE_IMAGE:-}
tag=
apps=
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --tag) tag=${2:?--tag needs a value}; shift ;;
    --base) base=${2:?--base needs a value}; shift ;;
    *)
      case " backend $workers longshore " in
        *" $1 "*) apps="$apps $1" ;;
        *) echo "Unknown: $1" >&2; usage >&2; exit 2 ;;
      esac
      ;;
  esac
  shift
done
[ -n "$apps" ] || apps="backend $workers longshore"

cd "$root"
PATH=$root/node_modules/.bin:$PATH
tag=${tag:-$(node -p 'require("./package.json").version')}
bundles=$apps
case " $apps " in *' longshore '*) bundles="backend $workers packed cli" ;; esac
for app in $bundles; do
  echo "bundling $app"
  node tools/src/build.ts "$app" > /dev/null
done
for app in $apps; do
  name=longshore-$app
  [ "$app" != longshore ] || name=longshore
  docker build --quiet ${base:+--build-arg "NODE_IMAGE=$base"} --file "docker/$app.Dockerfile" --tag "$name:$tag" . > /dev/null
  docker image ls --format '{{.Repository}}:{{.Tag}}  {{.Size}}' "$name:$tag"
done
