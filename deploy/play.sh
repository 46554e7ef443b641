#!/usr/bin/env bash
# Run the chart's Deployment on this machine with podman, without a cluster: deploy/play.sh up|down [helm options]
#
#   deploy/build.sh cpu && deploy/play.sh up && curl http://127.0.0.1:8000/readyz; deploy/play.sh down
#
# This does not test Services, Ingress, probes and scaling. It tests that the pod starts as specified: without root
# rights, with a read-only root file system, and with its volumes, variables and arguments.
set -euo pipefail
cd "$(dirname "$0")"
read -ra storage <<<"${STORAGE:-}"
case ${1:-} in
    up) options=(--network host) ;;
    down) options=(--down) ;;
    *) echo "Usage: deploy/play.sh up|down [helm options]" >&2; exit 2 ;;
esac
shift
helm template ta helm/timeaudio --show-only templates/deployment.yaml \
    --set image.repository=localhost/timeaudio,image.tag=cpu "$@" |
    sed -e '/containerPort:/d' -e '/^ *ports:$/d' | # the host network needs no port mapping
    podman "${storage[@]}" play kube "${options[@]}" -
