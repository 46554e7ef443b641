#!/usr/bin/env bash
# Run the chart's Deployment on this machine with podman, without a cluster: deploy/play.sh up|down [helm's options]
#
#   deploy/build.sh cpu && deploy/play.sh up && curl http://127.0.0.1:8000/readyz; deploy/play.sh down
#
# Services, Ingress, probes and scaling are Kubernetes' alone; what is proved is that the pod starts as it is described:
# not as root, on a read-only root, with its volumes, variables and arguments.
set -euo pipefail
cd "$(dirname "$0")"
read -ra storage <<<"${STORAGE:-}"
case ${1:-} in
    up) options=(--network host) ;;
    down) options=(--down) ;;
    *) echo "Say deploy/play.sh up or deploy/play.sh down" >&2; exit 2 ;;
esac
shift
helm template ta helm/timeaudio --show-only templates/deployment.yaml \
    --set image.repository=localhost/timeaudio,image.tag=cpu "$@" |
    sed -e '/containerPort:/d' -e '/^ *ports:$/d' | # the host's own network has no ports to map
    podman "${storage[@]}" play kube "${options[@]}" -
