#!/usr/bin/env bash
# Build an image with docker, podman or buildah, whichever is installed: deploy/build.sh cpu|cuda [builder options]
#
#   deploy/build.sh cpu
#   BUILDER=buildah deploy/build.sh cpu --build-arg TORCH_CPU_INDEX= -v /etc/pip.conf:/etc/pip.conf:ro
#
# If no image registry is reachable, run deploy/base-image.sh first: it builds the base image from Debian packages.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:-}
if [[ $target != cpu && $target != cuda ]]; then
    echo "Usage: deploy/build.sh cpu|cuda [builder options]" >&2
    exit 2
fi
shift
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
tags=(-t "timeaudio:$target" -t "timeaudio:$version-$target")

if [[ -z ${BUILDER:-} ]]; then
    for BUILDER in docker podman buildah none; do
        # A docker client without a running daemon does not count.
        if [[ $BUILDER == docker ]]; then docker info >/dev/null 2>&1 && break
        else command -v "$BUILDER" >/dev/null && break; fi
    done
fi
case $BUILDER in
    docker | podman) "$BUILDER" build --target "$target" "${tags[@]}" "$@" . ;;
    # Only Docker's format stores the health check. Chroot isolation also works inside containers. STORAGE holds options
    # such as --root.
    buildah) read -ra storage <<<"${STORAGE:-}"
        buildah "${storage[@]}" bud --isolation chroot --format docker --layers --target "$target" "${tags[@]}" "$@" . ;;
    *) echo "docker, podman or buildah is required. On Debian: apt-get install buildah" >&2; exit 1 ;;
esac
