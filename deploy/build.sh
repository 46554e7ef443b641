#!/usr/bin/env bash
# Build an image with whichever of docker, podman or buildah is here: deploy/build.sh cpu|cuda [options of the builder]
#
#   deploy/build.sh cpu
#   BUILDER=buildah deploy/build.sh cpu --build-arg TORCH_CPU_INDEX= -v /etc/pip.conf:/etc/pip.conf:ro
#
# Where no registry can be reached, deploy/base-image.sh makes the base from Debian's packages first.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:-}
if [[ $target != cpu && $target != cuda ]]; then
    echo "Say which image: deploy/build.sh cpu|cuda [options of the builder]" >&2
    exit 2
fi
shift
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
tags=(-t "timeaudio:$target" -t "timeaudio:$version-$target")

if [[ -z ${BUILDER:-} ]]; then
    for BUILDER in docker podman buildah none; do
        # A client of docker without its daemon does not count.
        if [[ $BUILDER == docker ]]; then docker info >/dev/null 2>&1 && break
        else command -v "$BUILDER" >/dev/null && break; fi
    done
fi
case $BUILDER in
    docker | podman) "$BUILDER" build --target "$target" "${tags[@]}" "$@" . ;;
    # Docker's format holds the health check; chroot isolation works inside containers too. STORAGE: --root and the like.
    buildah) read -ra storage <<<"${STORAGE:-}"
        buildah "${storage[@]}" bud --isolation chroot --format docker --layers --target "$target" "${tags[@]}" "$@" . ;;
    *) echo "None of docker, podman and buildah is here. On Debian: apt-get install buildah" >&2; exit 1 ;;
esac
