"""What a run reports: a bar on a terminal, plain lines elsewhere."""

import io

from rich.console import Console

from training.run_log import RunLog


def report(tmp_path, console, seconds, steps, first=0):
    """Take one step at each time, in seconds since the start."""
    now = [0.0]
    with RunLog(tmp_path, first, steps, console=console, clock=lambda: now[0]) as log:
        for step, at in enumerate(seconds, start=first):
            now[0] = at
            log.write(step, {"loss": 12.3456, "learning_rate": 1e-4, "samples_per_s": 123.4, "device_share": 0.98})
            log.write(step, {"metric": 0.5})


def test_bar_step_and_time_left_fit_any_terminal(tmp_path):
    for columns in (80, 100, 200):
        shown = io.StringIO()
        console = Console(file=shown, force_terminal=True, force_interactive=True, width=columns, color_system=None)
        report(tmp_path, console, [15_000.0 * n for n in range(1, 6)], steps=10_000, first=9_990)
        last = [line for line in shown.getvalue().splitlines() if "step" in line][-1]
        assert "━━━" in last
        assert "step 9995/10000  loss 12.346  20:50:00 left" in last


def test_a_file_gets_a_plain_line_at_the_first_step_and_every_half_minute(tmp_path):
    shown = io.StringIO()
    report(tmp_path, Console(file=shown), [10, 20, 39.9, 40, 50, 75, 80], steps=7)
    assert shown.getvalue().splitlines() == [
        "step 1/7  loss 12.346  0:01:00 left",
        "step 4/7  loss 12.346  0:00:30 left",
        "step 6/7  loss 12.346  0:00:12 left",
        "step 7/7  loss 12.346  0:00:00 left",
    ]


def test_time_left_counts_only_the_steps_since_the_run_resumed(tmp_path):
    shown, now = io.StringIO(), [0.0]
    with RunLog(tmp_path, 90, 100, console=Console(file=shown), clock=lambda: now[0]) as log:
        now[0] = 2.0
        log.write(90, {"loss": 1.0})
    assert shown.getvalue() == "step 91/100  loss 1.000  0:00:18 left\n"
