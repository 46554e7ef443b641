"""`timeaudio batch`: analyse an archive of recordings on this machine or on a Ray cluster."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from timeaudio.cli.options import ModelDir, ServerUrl
from timeaudio.console import complain
from timeaudio.errors import ClientError
from timeaudio.extras import how_to_install

_EXAMPLES = """
Examples:

timeaudio batch archive/ -o events.jsonl

timeaudio batch manifest.csv -o dogs.parquet --task ground -q 'a dog barks' --device cuda:0,cuda:1 --price 6.50

timeaudio batch manifest.txt -o part3.jsonl --shard 3/16

To resume after an interruption, run the same command again: every recording gets exactly one row.
"""
Task = Literal["caption", "ground", "summarize", "ask"]


def register(app: typer.Typer) -> None:
    """Add the command to an application."""
    app.command(epilog=_EXAMPLES)(batch)


def batch(  # noqa: PLR0913  an option each
    manifest: Annotated[
        str,
        typer.Argument(
            metavar="MANIFEST",
            help="A folder, a list of paths (.txt), or a table with a column `path` (.csv, .tsv, .jsonl).",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write: .jsonl row by row, or .parquet when all rows are done.",
        ),
    ],
    task: Annotated[Task, typer.Option(help="What to ask about each recording.")] = "caption",
    queries: Annotated[
        list[str] | None,
        typer.Option("--query", "-q", help="For ground: what to look for, repeatable. For ask: the question."),
    ] = None,
    server: ServerUrl = None,
    model: ModelDir = None,
    device: Annotated[str, typer.Option("--device", "--devices", help="cpu, cuda, or several: cuda:0,cuda:1.")] = "cpu",
    at_once: Annotated[int, typer.Option("--at-once", min=1, help="Recordings to send to the server at once.")] = 8,
    shard: Annotated[str, typer.Option(help="Take one part of the manifest: 3/16 is the third of sixteen.")] = "1/1",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Retry recordings that failed before.")] = False,
    price: Annotated[
        float | None,
        typer.Option(min=0, help="Cost of this machine per hour, to report the cost of 1,000 hours of audio."),
    ] = None,
    embeddings: Annotated[
        bool,
        typer.Option(
            "--embeddings", help="Write a vector for what sounds in each event, to find events that sound alike."
        ),
    ] = False,
    ray: Annotated[
        bool,
        typer.Option("--ray", help="Use a Ray cluster (RAY_ADDRESS, or a local one), with a server on each device."),
    ] = False,
) -> None:
    """Analyse many recordings and write a row for each."""
    from timeaudio.address import checked_address
    from timeaudio.api_key import authorization
    from timeaudio.batch.journal import Journal
    from timeaudio.batch.manifest import Shard, read_manifest
    from timeaudio.batch.row_counts import RowCounts
    from timeaudio.batch.run import run_all
    from timeaudio.batch.servers import OwnServer, RemoteServer
    from timeaudio.batch.task_spec import TaskSpec

    _check_files(manifest, output)
    try:
        part, task_spec = Shard.parse(shard), TaskSpec(task, tuple(queries or ()), embeddings)
        authorization()
        if server is not None:
            checked_address(server)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if server is not None and (model is not None or ray):
        raise typer.BadParameter("--server uses its own model: give neither --model nor --ray with it")
    is_parquet = output.suffix.lower() == ".parquet"
    for module in ["pyarrow"] * is_parquet + ["ray"] * ray:
        _check_installed(module)
    if not (server or ray):  # with Ray, each node fetches its own copy
        from timeaudio.local import fetched

        model = fetched(model)
    rows_file = output.with_name(f"{output.name}.jsonl") if is_parquet else output
    with Journal(rows_file, again=retry_failed) as journal:
        journal.check_task(task_spec.is_of)
        counts = RowCounts(complain, price=price, skipped=len(journal.done))
        paths = (path for path in read_manifest(Path(manifest), part) if path not in journal.done)
        try:
            if ray:
                from timeaudio.batch.on_ray import run_on_ray

                run_on_ray(paths, task_spec, journal, counts, model=model, device=device, at_once=at_once)
            else:
                batch_server = RemoteServer(server) if server else OwnServer(model, device, places=at_once)
                run_all(paths, task_spec, journal, counts, batch_server, at_once=at_once)
        except KeyboardInterrupt:
            complain(f"Interrupted after {counts}. Run the same command again to go on.")
            raise
    if is_parquet:
        from timeaudio.batch.parquet import write_parquet

        write_parquet(rows_file, output, embeddings=embeddings)
    typer.echo(f"{counts}.", err=True)
    raise typer.Exit(1 if counts.failed else 0)


def _check_files(manifest: str, output: Path) -> None:
    if not manifest:  # as a path, it would be the working directory
        raise typer.BadParameter("MANIFEST is empty; is a variable of the shell unset?")
    if output.suffix.lower() in (".csv", ".tsv", ".xlsx"):
        raise typer.BadParameter("-o writes .jsonl or .parquet; `timeaudio find --format csv` makes a table of events")


def _check_installed(module: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise ClientError(f"This needs {module}. Run: {how_to_install('ray' if module == 'ray' else 'batch')}")
