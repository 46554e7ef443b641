"""From the bytes of a file to the encoders' input.

decode.py     bytes -> Waveform, with limits enforced during decoding
recordings.py each recording of a file that joins several (joined.py finds them; riff.py, chunks.py: true sizes;
              edits.py: pauses of mp4)
track.py      one track on the file's own clock (clock.py), scaled (scale.py) and mixed to mono (downmix.py)
packets.py    packets -> frames (pages.py: for Ogg); a packet that cannot be decoded does not end the recording
container.py  what FFmpeg may open and decode (signature.py: kinds of file; integrity.py, ending.py: files cut short)
waveform.py   Waveform: mono float32 samples at 16 kHz
segment.py    30 s segments that cover every sample exactly once
log_mel.py    Whisper's log-mel spectrogram: 10 ms steps, 80 bands
fbank.py      BEATs' Kaldi filterbank: 10 ms steps, 128 bands
"""
