// The deck: plays an event, or a recording from a point on, and shows where it is.

import { clock } from "../../page/js/clock.js";
import { $, element } from "../../page/js/dom.js";

export class Deck {
  #item = null; // the recording's list item
  #end = Infinity; // seconds; where to stop
  #lines = [];
  #frame = 0; // the next frame that will call #tick
  #hasComplained = false;

  constructor(complain) {
    const sound = $("sound");
    sound.addEventListener("play", () => this.#show());
    sound.addEventListener("pause", () => this.#show());
    sound.addEventListener("timeupdate", () => this.#tick()); // a hidden tab has no frames
    sound.addEventListener("error", async () => {
      if (!this.#item) return;
      const reason = await reasonOf(sound, this.#item.dataset.path);
      if (!sound.error) return; // another recording was chosen meanwhile
      this.#hasComplained = true;
      complain(reason);
    });
    sound.addEventListener("playing", () => {
      if (this.#hasComplained) complain("");
      this.#hasComplained = false;
    });
    $("play").addEventListener("click", () => this.toggle());
  }

  get isPlaying() {
    return !$("sound").paused;
  }

  /** Plays a recording, given as its list item, from `start` to `end` in seconds. */
  async play(item, start, end = Infinity) {
    const sound = $("sound");
    const isLoaded = this.#item?.dataset.recording === item.dataset.recording && !sound.error; // after an error, try again
    if (!isLoaded) sound.src = `archive/sound/${item.dataset.recording}`;
    this.#follow(item);
    this.#end = end;
    sound.currentTime = start;
    $("play").disabled = false;
    $("whole").textContent = clock(Number(item.dataset.duration));
    await sound.play().catch(() => {}); // the "error" event tells why
    this.#tick();
  }

  toggle() {
    const sound = $("sound");
    if (!this.#item) return;
    if (this.isPlaying) return sound.pause();
    if (sound.currentTime >= this.#end) this.#end = Infinity; // after an event: go on
    sound.play().then(() => this.#tick(), () => {});
  }

  /** Returns whether anything was playing. */
  stop() {
    const wasPlaying = this.isPlaying;
    $("sound").pause();
    return wasPlaying;
  }

  /** Draws the position in the lanes of a recording; after the list was drawn again, in its new item. */
  #follow(item) {
    this.#lines.forEach((line) => line.remove());
    this.#item = item;
    this.#lines = [...item.querySelectorAll(".track")].map((track) => {
      const line = element("div", { class: "playline" });
      track.append(line);
      return line;
    });
  }

  /** Call after the list was drawn. */
  redraw() {
    const same = this.#item && document.querySelector(`[data-recording="${this.#item.dataset.recording}"]`);
    if (same) this.#follow(same);
  }

  /** Stops at the end of an event, and shows the position in each frame until then. */
  #tick() {
    cancelAnimationFrame(this.#frame); // several events lead here
    if (this.isPlaying && $("sound").currentTime >= this.#end) $("sound").pause();
    this.#show();
    if (this.isPlaying) this.#frame = requestAnimationFrame(() => this.#tick());
  }

  #show() {
    const time = $("sound").currentTime;
    $("now").textContent = clock(time);
    $("play").classList.toggle("playing", this.isPlaying);
    $("play").setAttribute("aria-label", this.isPlaying ? "Pause" : "Play");
    const share = this.#item ? time / Number(this.#item.dataset.duration) : 0;
    for (const line of this.#lines) line.style.left = `${Math.min(1, share) * 100}%`;
  }
}

async function reasonOf(sound, path) {
  const response = await fetch(sound.src, { headers: { Range: "bytes=0-0" } }).catch(() => null);
  if (response?.ok) return `${path}: this browser cannot play this type of file.`;
  if (response?.status === 416) return `${path}: the file is empty.`; // no range of it can be sent
  const problem = await response?.json().catch(() => null);
  return `${path}: ${problem?.detail ?? "timeaudio browse does not respond."}`;
}
