"""Prometheus metrics, in the vocabulary that vLLM's dashboards know, with the prefix `timeaudio_`."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per metric, of use to nobody here

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


class Metrics:
    """All metrics of one server. Each server has a registry of its own, so that tests can run several."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.running = self._gauge("num_requests_running", "Requests that the model works on.")
        self.waiting = self._gauge("num_requests_waiting", "Requests inside that the model does not work on yet.")
        self.audio_inside = self._gauge("audio_seconds_inside", "Seconds of decoded audio inside the server.")
        self.workers = self._gauge("workers", "Worker processes that can answer.")
        self.ready = self._gauge("ready", "1 while the model can answer.")
        self.success = self._counter("request_success", "Requests that were answered.", "task")
        self.failure = self._counter("request_failure", "Requests that failed, by the slug of the error.", "error")
        self.shed = self._counter("request_shed", "Requests that were turned away unread.", "reason")
        self.http = self._counter("http_requests", "HTTP responses.", "route", "status")
        self.restarts = self._counter("worker_restarts", "Times that the worker was started again.")
        self.audio = self._counter("audio_seconds", "Seconds of audio that were analysed.")
        self.audio_tokens = self._counter("audio_tokens", "Tokens that recordings became.")
        self.prompt_tokens = self._counter("prompt_tokens", "Tokens that the language model read.")
        self.generation_tokens = self._counter("generation_tokens", "Tokens that the language model wrote.")
        self.queue_s = self._histogram("request_queue_time_seconds", "Waiting for the model, after audio decoding.")
        self.e2e_s = self._histogram("e2e_request_latency_seconds", "From the first byte of a request to its answer.")
        self.stage_s = self._histogram("stage_seconds", "Time in each stage.", "stage")

    def watch(
        self,
        *,
        running: Callable[[], float],
        waiting: Callable[[], float],
        audio_inside: Callable[[], float],
        workers: Callable[[], float],
        ready: Callable[[], bool],
    ) -> None:
        """Read these gauges from their owner at each scrape."""
        self.running.set_function(running)
        self.waiting.set_function(waiting)
        self.audio_inside.set_function(audio_inside)
        self.workers.set_function(workers)
        self.ready.set_function(lambda: float(ready()))

    def _gauge(self, name: str, help_: str) -> Gauge:
        return Gauge(f"timeaudio_{name}", help_, registry=self.registry)

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"timeaudio_{name}", help_, labels, registry=self.registry)

    def _histogram(self, name: str, help_: str, *labels: str) -> Histogram:
        return Histogram(f"timeaudio_{name}", help_, labels, registry=self.registry, buckets=_SECONDS)
