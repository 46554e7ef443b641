"""`timeaudio`: the command line.

Exit codes: 0 success, 1 a recording or the command failed, 2 invalid usage, 130 interrupted; `train` has more. Results
go to stdout or into files, progress and errors to stderr. An error is one line that says what to do next.

A command imports heavy modules only when it runs, so that `timeaudio --help` answers at once.
"""

import io
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from timeaudio.agent_tools import command as agent_tools_command
from timeaudio.archive import command as archive_command
from timeaudio.batch import command as batch_command
from timeaudio.browse import command as browse_command
from timeaudio.cli import analysis, checkpoints
from timeaudio.cli.options import ModelDir
from timeaudio.console import complain
from timeaudio.errors import ClientError
from timeaudio.label_studio import command as label_studio_command

DEBUG_VARIABLE = "TIMEAUDIO_DEBUG"

app = typer.Typer(
    name="timeaudio",
    help="Finds what happens in a recording, and when.",
    epilog="Every command has its own --help, with examples. Tab completion: timeaudio --install-completion",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
analysis.register(app)
batch_command.register(app)
archive_command.register(app)
browse_command.register(app)
checkpoints.register(app)
agent_tools_command.register(app)
label_studio_command.register(app)

PASSED_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Finds what happens in a recording, and when."""
    if show_version:
        typer.echo(f"timeaudio {version('timeaudio')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@app.command(epilog="Example:  timeaudio serve --host 0.0.0.0 --port 8000")
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all interfaces.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 8000,
    grpc_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on for gRPC too; 0 picks a free one.")
    ] = None,
    model: ModelDir = None,
    device: Annotated[
        str, typer.Option("--device", "--devices", help="Where the model runs: cpu, cuda, cuda:0,cuda:1 ...")
    ] = "cpu",
    workers: Annotated[int, typer.Option(min=1, help="Worker processes per device, each with its own model.")] = 1,
) -> None:
    """Serve the model over HTTP, and optionally gRPC. Environment variables TIMEAUDIO_... set limits."""
    from timeaudio.extras import extra_needed

    with extra_needed("server"):
        from server.__main__ import serve as run

        devices = device.split(",") * workers
        raise typer.Exit(run(host=host, port=port, model=model, devices=devices, grpc_port=grpc_port))


@app.command()
def demo(model: ModelDir = None) -> None:
    """Start a server on a free port, send it two recordings, show the answers, and stop it."""
    from timeaudio.demo import run_demo

    run_demo(model)


@app.command(epilog="Examples:  timeaudio bench   |   timeaudio bench --device cuda --output h200.json")
def bench(
    model: ModelDir = None,
    device: Annotated[
        str, typer.Option(help="cpu or cuda; on cuda, also measures a model of the paper's size.")
    ] = "cpu",
    output: Annotated[Path, typer.Option(metavar="FILE", help="Where to write results, as JSON.")] = Path("bench.json"),
) -> None:
    """Measure the engine on this machine, against the same model run one request at a time."""
    from timeaudio.bench import run_bench

    run_bench(model, device, output)


@app.command(context_settings=PASSED_THROUGH)
def evaluate(context: typer.Context) -> None:
    """Score a checkpoint, or existing predictions, on scenes or a manifest. See `timeaudio evaluate --help`."""
    from timeaudio.extras import extra_needed
    from training.options.evaluate import parse

    parse(context.args)  # --help and invalid options need no extra
    with extra_needed("eval"):
        from training.evaluate import main as run

        raise typer.Exit(run(context.args))


@app.command(context_settings=PASSED_THROUGH)
def calibrate(context: typer.Context) -> None:
    """Fit a checkpoint's confidence and measure it on other recordings. See `timeaudio calibrate --help`."""
    from timeaudio.extras import extra_needed
    from training.options.calibrate import parse

    parse(context.args)  # --help and invalid options need no extra
    with extra_needed("eval"):
        from training.calibrate import main as run

        raise typer.Exit(run(context.args))


@app.command(context_settings=PASSED_THROUGH)
def compare(context: typer.Context) -> None:
    """Print scores from `timeaudio evaluate` beside the paper's Tables 2, 3 and 4."""
    from timeaudio.extras import extra_needed

    with extra_needed("eval"):
        from training.paper_tables import main as run

        raise typer.Exit(run(context.args))


@app.command(context_settings=PASSED_THROUGH)
def ablate(context: typer.Context) -> None:
    """Train and score the rows of an ablation, the paper's or this project's. See `timeaudio ablate --help`."""
    from timeaudio.extras import extra_needed
    from training.options.ablate import parse

    parse(context.args)  # --help and invalid options need no extra
    with extra_needed("training"):
        from training.ablations import main as run

        raise typer.Exit(run(context.args))


@app.command(context_settings=PASSED_THROUGH)
def data(context: typer.Context) -> None:
    """Build and check training manifests from published data sets. See `timeaudio data --help`."""
    from timeaudio.extras import extra_needed
    from training.options.data import parse

    parse(context.args)  # --help and invalid options need no extra
    with extra_needed("training"):
        from training.sources.command import main as run

        raise typer.Exit(run(context.args))


@app.command(context_settings=PASSED_THROUGH)
def train(context: typer.Context) -> None:
    """Train a stage on a manifest, from any checkpoint. See `timeaudio train --help`."""
    from timeaudio.extras import extra_needed
    from training.options.train import parse

    parse(context.args)  # --help and invalid options need no extra
    with extra_needed("training"):
        from training.stage_command import main as run

        raise typer.Exit(run(context.args))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. Every failure becomes one line on stderr."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115  None if the caller closed it, as >&- does
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a caption must print even on a terminal that lacks its characters
    try:
        outcome = app(args=arguments, prog_name="timeaudio", standalone_mode=False)
    except typer.Abort:
        return 130
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "timeaudio"
        complain(f"{_sentence(error.format_message())} See `{command} --help`.")
        return error.exit_code
    except (ClientError, OSError) as error:
        complain(str(error))
        return 1
    except Exception as error:  # last resort: users get a sentence, and the traceback on request
        if os.environ.get(DEBUG_VARIABLE):
            raise
        message = _sentence(f"{type(error).__name__}: {error}")
        complain(f"{message} This is a bug; set {DEBUG_VARIABLE}=1 to see the traceback.")
        return 1
    return outcome if isinstance(outcome, int) else 0


def _sentence(message: str) -> str:
    return message if message.endswith((".", "?")) else f"{message}."
