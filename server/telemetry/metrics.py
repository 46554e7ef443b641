"""Prometheus metrics, in the vocabulary that vLLM's dashboards know, with the prefix `timeaudio_`."""

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from server.engine.protocol import Task
from server.inquiry import Analysis

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per metric, of use to nobody here

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_FACTORS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """All metrics of one server. Each server has a registry of its own, so that tests can run several."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.running = self._gauge("num_requests_running", "Requests that the model works on.")
        self.waiting = self._gauge("num_requests_waiting", "Requests inside that the model does not work on yet.")
        self.audio_inside = self._gauge("audio_seconds_inside", "Seconds of decoded audio inside the server.")
        self.slot_usage = self._gauge("kv_cache_usage_perc", "Share of the slots that are taken, 0 to 1.")
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
        self.interventions = self._counter(
            "grammar_interventions", "Tokens before which the grammar forbade what the model held likelier than not."
        )
        self.queue_s = self._histogram("request_queue_time_seconds", "Waiting for the model, after audio decoding.")
        self.e2e_s = self._histogram("e2e_request_latency_seconds", "From the first byte of a request to its answer.")
        self.first_event_s = self._histogram(
            "time_to_first_event_seconds", "From the end of the upload to the first event, where events are streamed."
        )
        self.rtf = self._histogram(
            "real_time_factor",
            "Seconds from the end of the upload to the answer, per second of audio.",
            buckets=_FACTORS,
        )
        self.stage_s = self._histogram("stage_seconds", "Time in each stage.", "stage")

    def answered(self, analysis: Analysis, task: Task, *, took_s: float) -> None:
        """Count one answered request, `took_s` seconds after its upload."""
        self.success.labels(task).inc()
        self.audio.inc(analysis.audio_s)
        self.audio_tokens.inc(analysis.num_audio_tokens)
        self.prompt_tokens.inc(sum(answer.num_prompt_tokens for answer in analysis.answers))
        self.generation_tokens.inc(sum(answer.num_completion_tokens for answer in analysis.answers))
        self.interventions.inc(sum(answer.num_interventions for answer in analysis.answers))
        self.queue_s.observe(analysis.queue_s)
        self.rtf.observe(took_s / analysis.audio_s)
        self.stage_s.labels("decode_audio").observe(analysis.decode_s)
        self.stage_s.labels("encode").observe(analysis.encode_s)
        self.stage_s.labels("generate").observe(analysis.generate_s)

    def watch(
        self,
        *,
        running: Callable[[], float],
        waiting: Callable[[], float],
        audio_inside: Callable[[], float],
        workers: Callable[[], float],
        slot_usage: Callable[[], float],
        ready: Callable[[], bool],
    ) -> None:
        """Read these gauges from their owner at each scrape."""
        self.running.set_function(running)
        self.waiting.set_function(waiting)
        self.audio_inside.set_function(audio_inside)
        self.workers.set_function(workers)
        self.slot_usage.set_function(slot_usage)
        self.ready.set_function(lambda: float(ready()))

    def _gauge(self, name: str, help_: str) -> Gauge:
        return Gauge(f"timeaudio_{name}", help_, registry=self.registry)

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"timeaudio_{name}", help_, labels, registry=self.registry)

    def _histogram(self, name: str, help_: str, *labels: str, buckets: Sequence[float] = _SECONDS) -> Histogram:
        return Histogram(f"timeaudio_{name}", help_, labels, registry=self.registry, buckets=buckets)
