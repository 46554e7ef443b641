"""Tell from a file's first bytes whether it is a damaged recording, or something that never was a recording."""

_SIGNATURES = (
    *((0, mark) for mark in (b"RF64", b"BW64", b"riff", b"FORM", b"caff", b".snd", b"fLaC", b"OggS", b"ID3")),
    *((0, mark) for mark in (b"#!AMR", b"TTA1")),
    *((0, mark) for mark in (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1", b"\xff\xf9", b"\xff\xfd")),
    *((0, mark) for mark in (b"\x1a\x45\xdf\xa3", b"\x30\x26\xb2\x75\x8e\x66", b"FLV\x01", b"wvpk", b"\x0b\x77")),
    *((4, mark) for mark in (b"ftyp", b"moov", b"mdat", b"wide")),
    (8, b"WAVE"),
    (8, b"AVI "),
)
"""Offsets and signatures of the supported kinds of file."""

_RIFF = {
    b"WEBP": "a WebP image",
    b"RMID": "a MIDI file (notes, not sound)",
    b"sfbk": "a SoundFont",
    b"ACON": "an animated cursor",
    b"CDXA": "a Video CD image",
    b"PAL ": "a colour palette",
}
"""Kinds of RIFF that hold no recording."""


def has_known_signature(data: bytes) -> bool:
    """Whether the file begins like one of a supported kind."""
    return any(data.startswith(mark, offset) for offset, mark in _SIGNATURES)


def name_of_riff(data: bytes) -> str | None:
    """Return what a RIFF file is, in words, if it is neither wav nor AVI; None for these and for any other file."""
    kind = data[8:12]
    if data[:4] not in (b"RIFF", b"RIFX") or len(kind) < 4 or kind in (b"WAVE", b"AVI "):
        return None
    return _RIFF.get(kind, f"a RIFF file of the kind {kind.decode('ascii', 'replace')!r}")
