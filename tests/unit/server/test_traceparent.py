"""W3C trace context, with the cases of the specification's own test suite."""

import re

from server.telemetry.traceparent import TraceParent

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_valid_header_is_continued_with_a_new_span_id() -> None:
    for header, flags in [
        (f"00-{TRACE}-{PARENT}-01", "01"),
        (f"00-{TRACE}-{PARENT}-00", "00"),
        (f"00-{TRACE}-{PARENT}-03", "03"),
        (f"00-{TRACE}-{PARENT}-ff", "03"),
        (f"cc-{TRACE}-{PARENT}-01", "01"),
        (f"cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like", "01"),
    ]:
        ours = TraceParent.continued(header)
        assert (ours.trace_id, ours.flags) == (TRACE, flags)
        assert ours.span_id != PARENT
        assert str(ours) == f"00-{TRACE}-{ours.span_id}-{flags}"


def test_without_a_valid_header_a_new_trace_starts() -> None:
    for header in [
        None,
        "",
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE}-{PARENT}-01.",
        f"cc-{TRACE}-{PARENT}-01.more",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE[:-1]}-{PARENT}-01",
        f"0x-{TRACE}-{PARENT}-01",
    ]:
        first, second = TraceParent.continued(header), TraceParent.continued(header)
        assert first.trace_id not in (TRACE, second.trace_id)
        for ours in (first, second):
            assert re.fullmatch(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-00", str(ours))
