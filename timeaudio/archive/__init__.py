"""Search what `timeaudio batch` wrote, without a model: `timeaudio find` and `timeaudio browse`.

kinds.json is generated from the training vocabulary: `python -m training.data.vocabulary`.

    kinds     the kinds of sound, and their words
    matching  what a query means: kinds, or words of captions
    store     the Parquet files of an archive, opened by DuckDB
    search    the events that match a query
    exports   events as csv, m3u, srt and audacity
    verify    check events with a model
    command   the command line
"""
