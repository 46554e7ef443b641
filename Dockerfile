# The server with its embedded checkpoint, for a CPU or an NVIDIA GPU:
#
#   docker build --target cpu  -t timeaudio:cpu .
#   docker build --target cuda -t timeaudio:cuda .          # or deploy/build.sh cpu|cuda with docker, podman or buildah
#   docker run --rm --read-only --tmpfs /tmp --cap-drop ALL -p 127.0.0.1:8000:8000 timeaudio:cpu
#
# For a reproducible build, name the base by its digest: --build-arg BASE=python:3.11-slim-bookworm@sha256:...
# All Python packages are pinned in deploy/image/constraints.txt. Licences are in /opt/timeaudio/licences.
ARG BASE=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${BASE} AS start
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /opt/timeaudio
ENV PATH=/opt/timeaudio/bin:$PATH
WORKDIR /src
COPY deploy/image deploy/image

# The sources have a stage of their own, so that a change in them does not download torch again.
FROM scratch AS sources
COPY pyproject.toml README.md LICENSE /src/
COPY model /src/model
COPY server /src/server
COPY timeaudio /src/timeaudio
COPY training /src/training

# The base of both images: no compiler, no pip, no root. It writes only to /tmp.
# hadolint ignore=DL3006
FROM ${BASE} AS runtime
RUN useradd --system --no-create-home --uid 10001 timeaudio
ENV PATH=/opt/timeaudio/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp HF_HUB_OFFLINE=1
WORKDIR /
EXPOSE 8000
# The embedded checkpoint loads in seconds on a laptop; a larger one needs a longer --start-period.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
LABEL org.opencontainers.image.title="TimeAudio" \
      org.opencontainers.image.description="Finds what happens in a recording, and when" \
      org.opencontainers.image.licenses="Apache-2.0"

# CPU-only wheels of torch have their own index, which may lack what torch depends on: the next step installs that. Set
# this to "" if pip finds such wheels in its default index.
FROM start AS build-cpu
ARG TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu
RUN python3 -m pip install --constraint deploy/image/constraints.txt --no-deps \
    ${TORCH_CPU_INDEX:+--index-url "$TORCH_CPU_INDEX"} torch
COPY --from=sources /src /src
RUN python3 -m pip install --constraint deploy/image/constraints.txt ".[server,telemetry]" \
    && python3 deploy/image/notices.py /opt/timeaudio/licences \
    && python3 -m pip uninstall --yes pip

FROM runtime AS cpu
COPY --from=build-cpu /opt/timeaudio /opt/timeaudio
USER 10001
ENTRYPOINT ["python3", "-m", "server", "--host", "0.0.0.0", "--port", "8000"]

# The Linux wheel of torch in pip's default index includes CUDA (several GB).
FROM start AS build-cuda
RUN python3 -m pip install --constraint deploy/image/constraints.txt torch
COPY --from=sources /src /src
RUN python3 -m pip install --constraint deploy/image/constraints.txt ".[server,telemetry]" \
    && python3 deploy/image/notices.py /opt/timeaudio/licences \
    && python3 -m pip uninstall --yes pip

FROM runtime AS cuda
COPY --from=build-cuda /opt/timeaudio /opt/timeaudio
# --gpus selects the devices that a container sees; these variables select the driver files that it gets.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001
ENTRYPOINT ["python3", "-m", "server", "--host", "0.0.0.0", "--port", "8000", "--device", "cuda"]
