// Waveform and playback, on wavesurfer.js.

import WaveSurfer from "../vendor/wavesurfer/wavesurfer.js";
import { colour } from "./theme.js";

// The style sheet of wavesurfer.js contains this number, and the content security policy the hash of that sheet.
const HEIGHT = 96;

/** Dispatches "time" (at each frame while playing, and after each seek), "play" and "pause". */
export class Player extends EventTarget {
  #surfer;
  #sought = null; // target of a pending seek

  constructor(container) {
    super();
    this.#surfer = WaveSurfer.create({
      container,
      height: HEIGHT,
      normalize: true,
      cursorWidth: 0,
      dragToSeek: true,
      hideScrollbar: true,
      ...colours(),
    });
    const names = { timeupdate: "time", seeking: "time", play: "play", pause: "pause", finish: "pause" };
    for (const [theirs, ours] of Object.entries(names)) {
      this.#surfer.on(theirs, () => this.dispatchEvent(new Event(ours)));
    }
    // wavesurfer.js 8.0.1 can lose a seek that comes during another (held keys), so repeat it afterwards.
    this.#media.addEventListener("seeked", () => {
      const isThere = this.#sought === null || Math.abs(this.#media.currentTime - this.#sought) < 0.01;
      if (isThere) this.#sought = null;
      else this.#surfer.setTime(this.#sought);
    });
    this.#surfer.on("interaction", () => (this.#sought = null));
  }

  get #media() {
    return this.#surfer.getMediaElement();
  }

  /** Shows a file. Returns its duration in seconds, or null if this browser cannot decode it. */
  async load(file) {
    this.unload();
    const refused = new Promise((_, reject) => this.#surfer.once("error", reject)); // loadBlob may not settle on an error
    try {
      await Promise.race([this.#surfer.loadBlob(file), refused]);
      return this.#surfer.getDuration();
    } catch {
      this.unload();
      return null;
    }
  }

  unload() {
    this.#sought = null;
    this.#surfer.pause();
    this.#surfer.empty();
  }

  get time() {
    return this.#sought ?? this.#surfer.getCurrentTime();
  }

  get isPlaying() {
    return this.#surfer.isPlaying();
  }

  toggle() {
    this.#surfer.playPause();
  }

  pause() {
    this.#surfer.pause();
  }

  seek(seconds) {
    const duration = this.#surfer.getDuration();
    if (!(duration > 0)) return;
    this.#sought = Math.min(Math.max(0, seconds), duration);
    if (!this.#media.seeking) this.#surfer.setTime(this.#sought);
    this.dispatchEvent(new Event("time"));
  }

  /** Plays from `start` to `end`. */
  async playSpan({ start, end }) {
    this.#sought = null;
    if (this.#media.seeking) {
      await new Promise((resolve) => this.#media.addEventListener("seeked", resolve, { once: true }));
    }
    await this.#surfer.play(start, end).catch(() => {}); // the file cannot be played
  }

  /** Applies the theme's colours. */
  recolour() {
    this.#surfer.setOptions(colours());
  }
}

/** Returns the waveform's colour options in the current theme. */
export function colours() {
  return { waveColor: colour("--wave"), progressColor: colour("--wave-played") };
}
