// Converts a recording to WAV at 16 kHz, mono, 16 bits, the model's input. A browser's own recordings (webm, mp4) lack
// a duration and cannot be seeked.

const RATE_HZ = 16000;
const HEADER_BYTES = 44;

/** Decodes any format that the browser supports. Returns a Blob of audio/wav of `most` seconds at most. */
export async function monoWav(blob, most) {
  const context = new OfflineAudioContext(1, 1, RATE_HZ); // resamples while decoding
  const decoded = await context.decodeAudioData(await blob.arrayBuffer());
  const length = Math.min(decoded.length, Math.floor(most * RATE_HZ));
  return new Blob([header(length), samples(decoded, length)], { type: "audio/wav" });
}

function samples(decoded, length) {
  const mixed = new Int16Array(length);
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, index) => decoded.getChannelData(index));
  for (let index = 0; index < mixed.length; index++) {
    const mean = channels.reduce((sum, channel) => sum + channel[index], 0) / channels.length;
    mixed[index] = Math.max(-1, Math.min(1, mean)) * 32767;
  }
  return mixed;
}

/** Returns the RIFF header of the WAVE format of 1991; all numbers little-endian. */
function header(length) {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES));
  const text = (offset, letters) => [...letters].forEach((letter, i) => view.setUint8(offset + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, HEADER_BYTES - 8 + 2 * length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of this chunk
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, RATE_HZ, true);
  view.setUint32(28, 2 * RATE_HZ, true); // bytes per second
  view.setUint16(32, 2, true); // bytes per frame
  view.setUint16(34, 16, true); // bits per sample
  text(36, "data");
  view.setUint32(40, 2 * length, true);
  return view;
}
