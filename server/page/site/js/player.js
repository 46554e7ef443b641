// The waveform and the sound: wavesurfer.js, with what the page needs of it.

import WaveSurfer from "../vendor/wavesurfer/wavesurfer.js";
import { colour } from "./theme.js";

// The style sheet that wavesurfer.js makes holds this number, and the content security policy its hash.
const HEIGHT = 96;

/** Tells "time" (at each frame while it plays, and after each jump), "play" and "pause". */
export class Player extends EventTarget {
  #surfer;
  #url = null;

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
    for (const [theirs, ours] of [["timeupdate", "time"], ["seeking", "time"], ["play", "play"], ["pause", "pause"], ["finish", "pause"]]) {
      this.#surfer.on(theirs, () => this.dispatchEvent(new Event(ours)));
    }
    this.#surfer.on("error", () => {}); // `load` tells it
  }

  /** Shows a file. Returns its length in seconds, or null where this browser cannot decode it. */
  async load(file) {
    this.unload();
    try {
      await this.#surfer.loadBlob(file);
      return this.#surfer.getDuration();
    } catch {
      this.unload();
      return null;
    }
  }

  unload() {
    this.#surfer.pause();
    this.#surfer.empty();
  }

  get time() {
    return this.#surfer.getCurrentTime();
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
    this.#surfer.setTime(Math.min(Math.max(0, seconds), this.#surfer.getDuration()));
  }

  /** Plays from `start` to `end`, and stops there. */
  playSpan({ start, end }) {
    this.#surfer.play(start, end).catch(() => {}); // a file that cannot be played
  }

  /** Takes the theme's colours. */
  recolour() {
    this.#surfer.setOptions(colours());
  }
}

/** The options of the waveform's colours in the theme of now. */
export function colours() {
  return { waveColor: colour("--wave"), progressColor: colour("--wave-heard") };
}
