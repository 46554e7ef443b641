// Records the microphone, shows the waveform meanwhile, and returns a WAV file.

import RecordPlugin from "../vendor/wavesurfer/record.js";
import WaveSurfer from "../vendor/wavesurfer/wavesurfer.js";
import { colours } from "./player.js";
import { Problem } from "./problem.js";
import { monoWav } from "./wav.js";

export class Microphone {
  #surfer = null;
  #plugin = null;
  #most = Infinity;
  #recorded = null; // a promise of the recording, once the browser records

  get isOn() {
    return this.#recorded !== null;
  }

  /** Starts recording. Calls `tick(seconds)` meanwhile, and `ended()` after `most` seconds. Throws a Problem. */
  async start(container, most, tick, ended) {
    this.#most = most;
    this.#surfer = WaveSurfer.create({ container, height: 96, cursorWidth: 0, interact: false, ...colours() });
    this.#plugin = this.#surfer.registerPlugin(
      RecordPlugin.create({ renderRecordedAudio: false, scrollingWaveform: true, scrollingWaveformWindow: 8 }),
    );
    this.#plugin.on("record-progress", (milliseconds) => {
      tick(milliseconds / 1000);
      if (milliseconds >= most * 1000) ended();
    });
    const recorded = new Promise((resolve) => this.#plugin.once("record-end", resolve));
    try {
      await this.#plugin.startRecording();
      this.#recorded = recorded;
    } catch (error) {
      this.#end();
      throw refused(error);
    }
  }

  /** Stops recording. Returns the file. Throws if the recording cannot be decoded. */
  async stop() {
    this.#plugin.stopRecording();
    const blob = await this.#recorded;
    this.#end();
    return await monoWav(blob, this.#most);
  }

  /** Stops recording and discards the recording. */
  discard() {
    this.#plugin?.stopRecording();
    this.#end();
  }

  #end() {
    this.#surfer?.destroy(); // and its plugin, which releases the microphone
    this.#surfer = this.#plugin = null;
  }
}

function refused(error) {
  const isDenied = /NotAllowedError|denied|permission/i.test(`${error.name} ${error.message}`);
  return new Problem({
    slug: "microphone",
    title: "The microphone cannot be used",
    detail: isDenied
      ? "The browser blocks the microphone for this page. Allow it next to the address, then record again."
      : "No microphone was found. Connect one. If the page is not served from this computer, it also needs https.",
  });
}
