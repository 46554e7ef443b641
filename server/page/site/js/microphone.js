// Records the microphone, shows its wave while it does, and gives a WAV file.

import RecordPlugin from "../vendor/wavesurfer/record.js";
import WaveSurfer from "../vendor/wavesurfer/wavesurfer.js";
import { colours } from "./player.js";
import { Problem } from "./problem.js";
import { monoWav } from "./wav.js";

export class Microphone {
  #surfer = null;
  #plugin = null;

  /** Begins. `tick(seconds)` is called while it records; it ends by itself after `most` seconds. Throws a Problem. */
  async start(container, most, tick, ended) {
    this.#surfer = WaveSurfer.create({ container, height: 96, cursorWidth: 0, interact: false, ...colours() });
    this.#plugin = this.#surfer.registerPlugin(
      RecordPlugin.create({ renderRecordedAudio: false, scrollingWaveform: true, scrollingWaveformWindow: 8 }),
    );
    this.#plugin.on("record-progress", (milliseconds) => {
      tick(milliseconds / 1000);
      if (milliseconds >= most * 1000) ended();
    });
    try {
      await this.#plugin.startRecording();
    } catch (error) {
      this.#end();
      throw refused(error);
    }
  }

  /** Ends it. Returns the file. */
  async stop() {
    const plugin = this.#plugin;
    const recorded = new Promise((resolve) => plugin.once("record-end", resolve));
    plugin.stopRecording();
    const blob = await recorded;
    this.#end();
    return await monoWav(blob);
  }

  /** Ends it, and forgets what was recorded. */
  discard() {
    this.#plugin?.stopRecording();
    this.#end();
  }

  #end() {
    this.#surfer?.destroy(); // its plugin too, which lets the microphone go
    this.#surfer = this.#plugin = null;
  }
}

function refused(error) {
  const isDenied = /NotAllowedError|denied|permission/i.test(`${error.name} ${error.message}`);
  return new Problem({
    slug: "microphone",
    title: "The microphone cannot be used",
    detail: isDenied
      ? "The browser does not let this page listen. Allow it beside the address, then record again."
      : "No microphone answers. Is one connected? A page that is not on this computer also needs https.",
  });
}
