# The server with its embedded checkpoint. Build: docker build -t timeaudio .
#
# torch comes from pip's usual index, where its wheel for Linux brings CUDA along (several GB). For a small image that
# computes on the CPU, name an index of CPU wheels: --build-arg TORCH_INDEX_URL=...
FROM python:3.11-slim-bookworm AS build
ARG TORCH_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /opt/timeaudio
ENV PATH=/opt/timeaudio/bin:$PATH
WORKDIR /src
# Before the sources, so that a change in them does not download torch again.
RUN pip install ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} "torch>=2.6,<2.14"
COPY pyproject.toml README.md LICENSE ./
COPY model model
COPY server server
COPY timeaudio timeaudio
COPY training training
RUN pip install ".[server]"

FROM python:3.11-slim-bookworm
COPY --from=build /opt/timeaudio /opt/timeaudio
ENV PATH=/opt/timeaudio/bin:$PATH PYTHONUNBUFFERED=1
# It writes to /tmp alone: run it with --read-only --tmpfs /tmp.
RUN useradd --system --no-create-home --uid 10001 timeaudio
USER 10001
WORKDIR /
EXPOSE 8000
# The start takes seconds on a laptop; a larger checkpoint needs a longer --start-period.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["python", "-m", "server", "--host", "0.0.0.0", "--port", "8000"]
