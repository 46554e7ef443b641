#!/usr/bin/env bash
# Build the Dockerfile's base image from Debian packages if no image registry is reachable. Needs root, buildah and
# debootstrap (apt-get install buildah debootstrap). It replaces python:3.11-slim-bookworm and has Debian's Python 3.11.
#
#   STORAGE="--root /var/tmp/ta/root --runroot /var/tmp/ta/run" deploy/base-image.sh
set -euo pipefail

name=${1:-docker.io/library/python:3.11-slim-bookworm}
read -ra storage <<<"${STORAGE:-}"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=python3,python3-venv,python3-pip,ca-certificates bookworm "$folder/rootfs"
rm -rf "$folder"/rootfs/var/cache/apt/* "$folder"/rootfs/var/lib/apt/lists/*
container=$(buildah "${storage[@]}" from scratch)
buildah "${storage[@]}" add -q "$container" "$folder/rootfs" /
buildah "${storage[@]}" config --cmd python3 \
    --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
buildah "${storage[@]}" commit -q "$container" "$name"
buildah "${storage[@]}" rm "$container" >/dev/null
echo "Made $name"
