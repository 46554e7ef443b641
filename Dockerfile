# The server with its embedded checkpoint, for a CPU or an NVIDIA GPU:
#
#   docker build --target cpu  -t timeaudio:cpu .
#   docker build --target cuda -t timeaudio:cuda .          # or deploy/build.sh cpu|cuda with docker, podman or buildah
#   docker run --rm --read-only --tmpfs /tmp --cap-drop ALL -p 127.0.0.1:8000:8000 timeaudio:cpu
#
# To build the same image again, give the base by its digest: --build-arg BASE=python:3.11-slim-bookworm@sha256:...
# Everything above it is pinned in deploy/image/constraints.txt; /opt/timeaudio/licences says what is carried.
ARG BASE=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${BASE} AS start
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /opt/timeaudio
ENV PATH=/opt/timeaudio/bin:$PATH
WORKDIR /src
COPY deploy/image deploy/image

# What is built from, in one place: a change in it does not download torch again.
FROM scratch AS sources
COPY pyproject.toml README.md LICENSE /src/
COPY model /src/model
COPY server /src/server
COPY timeaudio /src/timeaudio
COPY training /src/training

# What both images run in: no compiler, no package manager of Python's, no root. It writes to /tmp alone.
# hadolint ignore=DL3006
FROM ${BASE} AS runtime
RUN useradd --system --no-create-home --uid 10001 timeaudio
ENV PATH=/opt/timeaudio/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp HF_HUB_OFFLINE=1
WORKDIR /
EXPOSE 8000
# The start takes seconds on a laptop; a larger checkpoint needs a longer --start-period.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
LABEL org.opencontainers.image.title="TimeAudio" \
      org.opencontainers.image.description="Hears what happens in a recording, and when" \
      org.opencontainers.image.licenses="Apache-2.0"

# Wheels of torch that compute on the CPU alone have an index of their own. Set it to "" where pip finds them by itself.
FROM start AS build-cpu
ARG TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu
RUN python3 -m pip install --constraint deploy/image/constraints.txt \
    ${TORCH_CPU_INDEX:+--index-url "$TORCH_CPU_INDEX"} torch
COPY --from=sources /src /src
RUN python3 -m pip install --constraint deploy/image/constraints.txt ".[server,telemetry]" \
    && python3 deploy/image/notices.py /opt/timeaudio/licences \
    && python3 -m pip uninstall --yes pip

FROM runtime AS cpu
COPY --from=build-cpu /opt/timeaudio /opt/timeaudio
USER 10001
ENTRYPOINT ["python3", "-m", "server", "--host", "0.0.0.0", "--port", "8000"]

# torch's wheel for Linux from pip's usual index brings CUDA along (several GB).
FROM start AS build-cuda
RUN python3 -m pip install --constraint deploy/image/constraints.txt torch
COPY --from=sources /src /src
RUN python3 -m pip install --constraint deploy/image/constraints.txt ".[server,telemetry]" \
    && python3 deploy/image/notices.py /opt/timeaudio/licences \
    && python3 -m pip uninstall --yes pip

FROM runtime AS cuda
COPY --from=build-cuda /opt/timeaudio /opt/timeaudio
# Which of the host's devices a container sees is for its runtime (--gpus); these tell it what to bring along.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001
ENTRYPOINT ["python3", "-m", "server", "--host", "0.0.0.0", "--port", "8000", "--device", "cuda"]
