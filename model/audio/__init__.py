"""From the bytes of a file to what the encoders read.

decode.py     bytes -> Waveform, every limit enforced while decoding
waveform.py   Waveform: mono float32 samples at 16 kHz
segment.py    30 s segments that hold every sample exactly once
log_mel.py    Whisper's log-mel spectrogram: 10 ms steps, 80 bands
fbank.py      BEATs' Kaldi filterbank: 10 ms steps, 128 bands
"""
