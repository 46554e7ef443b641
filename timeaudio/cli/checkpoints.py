"""The commands that make a checkpoint directory from other files: `import`, `init` and `pack`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from timeaudio.console import complain


def register(app: typer.Typer) -> None:
    """Add the commands to an application."""
    app.command("import", epilog=_IMPORT_EXAMPLE)(import_)
    app.command(epilog=_INIT_EXAMPLES)(init)
    app.command(epilog="Example:  timeaudio pack timeaudio-mine --out timeaudio-mine-q8")(pack)


_IMPORT_EXAMPLE = (
    "Example:  timeaudio import --whisper whisper-large-v2 --beats "
    "BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt --llm vicuna-7b-v1.5 --checkpoint timeaudio.pth "
    "--out timeaudio-7b"
)
_INIT_EXAMPLES = """
Examples:

timeaudio init --llm Qwen3-8B --whisper whisper-large-v3 --beats BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt \
--out start

timeaudio init --llm SmolLM2-135M-Instruct --whisper whisper-base --yamnet yamnet.tflite --whisper-layers 3 \
--llm-layers 0-2,8,9,11,24,27-29 --llm-vocabulary 8192 --connector-dim 256 --no-pad --dtype float32 --out small
"""

_PRETRAINED = "DIR|ORG/NAME"
WhisperDir = Annotated[
    Path, typer.Option("--whisper", metavar=_PRETRAINED, help="Whisper, as a directory or from the Hugging Face hub.")
]
OutDir = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Directory to write; its name becomes the name of the checkpoint.")
]
DType = Annotated[
    Literal["bfloat16", "float16", "float32"],
    typer.Option("--dtype", help="Number format in which the language model is stored and computes."),
]


def import_(
    whisper: WhisperDir,
    beats: Annotated[Path, typer.Option(metavar="FILE", help="BEATs, the .pt file of its authors.")],
    llm: Annotated[Path, typer.Option(metavar=_PRETRAINED, help="Vicuna-7B-v1.5, in the Hugging Face layout.")],
    checkpoint: Annotated[Path, typer.Option(metavar="FILE", help="The .pth file that TimeAudio's authors publish.")],
    out: OutDir,
    dtype: DType = "bfloat16",
    qformer_heads: Annotated[
        int | None,
        typer.Option(min=1, help="Attention heads of the checkpoint's Q-Former; 12, as in bert-base, if not given."),
    ] = None,
) -> None:
    """Turn the authors' checkpoint and its three base models into a directory to serve. Resumes if interrupted."""
    from timeaudio.extras import extra_needed

    with extra_needed("server"):
        from model.convert.command import run_import
        from model.convert.importer import Downloads

        downloads = Downloads(whisper=whisper, beats=beats, llm=llm, checkpoint=checkpoint)
        raise typer.Exit(run_import(downloads, out, dtype=dtype, num_heads=qformer_heads))


def init(
    llm: Annotated[Path, typer.Option(metavar=_PRETRAINED, help="Any causal language model in the hub's layout.")],
    whisper: WhisperDir,
    out: OutDir,
    beats: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The sound encoder: BEATs, the .pt file of its authors.")
    ] = None,
    aisfx: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Or aiSFX, its tensors as a safetensors file.")
    ] = None,
    yamnet: Annotated[Path | None, typer.Option(metavar="FILE", help="Or YAMNet, as a TensorFlow Lite file.")] = None,
    from_salmonn: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Start the connector from SALMONN's, as the paper does.")
    ] = None,
    dtype: DType = "bfloat16",
    qformer_heads: Annotated[
        int | None, typer.Option(min=1, help="Attention heads of the Q-Former; its width divided by 64 if not given.")
    ] = None,
    connector_dim: Annotated[int | None, typer.Option(min=1, help="Width of the Q-Former; 768 if not given.")] = None,
    whisper_layers: Annotated[
        int | None, typer.Option(min=1, help="Keep only this many of the first layers of the speech encoder.")
    ] = None,
    llm_layers: Annotated[
        str | None, typer.Option(metavar="LIST", help="Keep only these layers of the language model, such as 0-2,8,29.")
    ] = None,
    llm_vocabulary: Annotated[
        int | None, typer.Option(min=1, help="Keep only this many of the first pieces of the tokenizer.")
    ] = None,
    no_pad: Annotated[bool, typer.Option("--no-pad", help="Do not pad the speech encoder's segments to 30 s.")] = False,
    tasks: Annotated[
        str,
        typer.Option(
            metavar="LIST", help="Tasks that the checkpoint will be trained for; a server refuses the others."
        ),
    ] = "dense_caption,ground,summarize,ask",
) -> None:
    """Build a starting checkpoint for training: join pretrained parts with a new connector. Resumes if interrupted."""
    from timeaudio.extras import extra_needed

    with extra_needed("server"):
        from model.convert.command import run_init
        from model.convert.cuts import Cuts
        from model.convert.init import NativeParts
        from model.timeline.task import TASKS

        named = [name.strip() for name in tasks.split(",")]
        if unknown := [name for name in named if name not in TASKS]:
            complain(f"--tasks {tasks}: {unknown[0]!r} is not one of {', '.join(TASKS)}.")
            raise typer.Exit(2)
        parts = NativeParts(llm=llm, whisper=whisper, beats=beats, aisfx=aisfx, yamnet=yamnet, salmonn=from_salmonn)
        cuts = Cuts(
            whisper_layers=whisper_layers,
            llm_layers=llm_layers,
            llm_vocabulary=llm_vocabulary,
            connector_dim=connector_dim,
            tasks=tuple(task for task in TASKS if task in named),
        )
        raise typer.Exit(run_init(parts, out, dtype=dtype, num_heads=qformer_heads, cuts=cuts, pad=not no_pad))


def pack(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="A directory, or ORG/NAME on the hub.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Directory to write the copy to.")],
    llm: Annotated[
        Literal["q4_1", "q8_0", "float16", "bfloat16", "float32"],
        typer.Option(help="How the language model is stored; q4_1 and q8_0 are for Llamas."),
    ] = "q8_0",
    others: Annotated[
        Literal["q8_0", "float16", "bfloat16", "float32"],
        typer.Option(help="How the encoders are stored; the connector never takes fewer than 16 bits."),
    ] = "float16",
    transcriber: Annotated[
        Literal["q4_1", "q5_1", "q8_0"] | None,
        typer.Option(help="How the transcriber is stored, if there is one; default: as the encoders."),
    ] = None,
) -> None:
    """Copy a checkpoint with its weights in fewer bits, to serve it in less space."""
    from timeaudio.extras import extra_needed

    with extra_needed("server"):
        from model.errors import TimeAudioError
        from model.packing import pack as run

        try:
            done = run(checkpoint, out, llm=llm, others=others, transcriber=transcriber)
        except TimeAudioError as error:
            complain(str(error))
            raise typer.Exit(2) from None
        for part, before in done.before.items():
            typer.echo(f"{part:24}{before / 1e6:10,.1f} MB -> {done.after[part] / 1e6:10,.1f} MB")
