"""From the bytes of a file to the encoders' input.

decode.py     bytes -> Waveform, with limits enforced during decoding
waveform.py   Waveform: mono float32 samples at 16 kHz
segment.py    30 s segments that cover every sample exactly once
log_mel.py    Whisper's log-mel spectrogram: 10 ms steps, 80 bands
fbank.py      BEATs' Kaldi filterbank: 10 ms steps, 128 bands
"""
