// The timeline: ruler, waveform and lanes on one scale, with a common playhead and zoom.

import { clock, spoken } from "./clock.js";
import { $ } from "./dom.js";
import { Group } from "./lanes.js";
import { drawRuler } from "./ruler.js";

const ZOOM_STEP = 1.6;
const WIDEST_PIXELS = 24000; // of the waveform: browsers have trouble with wider canvases

/** Dispatches "play" with { start, end } as `detail` when a bar is chosen. */
export class Sheet extends EventTarget {
  #sheet = $("sheet");
  #score = $("score");
  #groups = new Map();
  #duration = 1;
  #level = 0;
  #player;

  constructor(player) {
    super();
    this.#player = player;
    player.addEventListener("time", () => this.#follow());
    new ResizeObserver(() => this.#measure()).observe(this.#sheet);
    $("groups").addEventListener("click", (event) => {
      const bar = event.target.closest(".bar");
      if (bar) this.dispatchEvent(new CustomEvent("play", { detail: this.#spanOf(bar) }));
    });
    $("groups").addEventListener("focusin", (event) => {
      if (event.target.matches(".bar")) this.#rove(event.target);
    });
  }

  /** Resets the timeline for a recording of `seconds`, null if its duration is not known yet. */
  begin(seconds) {
    const duration = seconds ?? 1;
    this.#groups.forEach((group) => group.element.remove());
    this.#groups.clear();
    this.#duration = duration;
    this.#level = 0;
    $("seek").setAttribute("aria-valuemax", duration.toFixed(1));
    $("whole").textContent = seconds === null ? "…" : clock(seconds);
    this.#measure();
    this.#follow();
  }

  /** Draws new spans of a finding. Returns its status line. */
  draw(finding) {
    let group = this.#groups.get(finding.id);
    if (!group) {
      const lanes = [...this.#groups.values()].reduce((sum, { numLanes }) => sum + numLanes, 0);
      group = new Group(finding, lanes);
      this.#groups.set(finding.id, group);
      $("groups").append(group.element);
    }
    group.draw(this.#duration);
    const bars = this.#bars();
    if (bars.length && !bars.some(({ tabIndex }) => tabIndex === 0)) this.#rove(bars[0]);
    this.#light();
    return group.status;
  }

  /** Returns the element of the finding after this one, or else before it, or null. */
  neighbour(finding) {
    const { element } = this.#groups.get(finding.id);
    return element.nextElementSibling ?? element.previousElementSibling;
  }

  remove(finding) {
    this.#groups.get(finding.id)?.element.remove();
    this.#groups.delete(finding.id);
    const bars = this.#bars();
    if (bars.length) this.#rove(bars[0]);
  }

  /** +1 zooms in, -1 zooms out. The playhead stays in view. */
  zoom(direction) {
    const most = Math.max(1, WIDEST_PIXELS / this.#view());
    const level = Math.max(0, this.#level + direction);
    if (ZOOM_STEP ** level > most) return;
    this.#level = level;
    this.#measure();
    this.#keepInSight({ always: true });
  }

  /** Moves the focus to the next (+1) or previous (-1) event, by start time. */
  step(direction) {
    const bars = this.#bars().sort((one, other) => one.dataset.start - other.dataset.start);
    if (!bars.length) return;
    const at = bars.indexOf(document.activeElement);
    const next = at < 0 ? (direction > 0 ? 0 : bars.length - 1) : Math.min(bars.length - 1, Math.max(0, at + direction));
    bars[next].focus();
    bars[next].scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  get #zoom() {
    return ZOOM_STEP ** this.#level;
  }

  #bars() {
    return [...$("groups").querySelectorAll(".item:not([hidden]) > .bar")];
  }

  #spanOf({ dataset }) {
    return { start: Number(dataset.start), end: Number(dataset.end) };
  }

  /** Makes one bar reachable with Tab; arrow keys reach the others (roving tabindex). */
  #rove(bar) {
    for (const other of $("groups").querySelectorAll(".bar")) other.tabIndex = other === bar ? 0 : -1;
  }

  #gutter() {
    return $("ruler").offsetLeft;
  }

  #view() {
    return Math.max(1, this.#sheet.clientWidth - this.#gutter());
  }

  #measure() {
    const width = Math.round(this.#view() * this.#zoom);
    this.#score.style.setProperty("--track", `${width}px`);
    this.#score.style.setProperty("--view", `${this.#sheet.clientWidth}px`);
    drawRuler($("ruler"), this.#duration, width);
    $("zoom-out").disabled = this.#level === 0;
    this.#follow();
  }

  #follow() {
    const { time } = this.#player;
    const share = Math.min(1, time / this.#duration);
    this.#score.style.setProperty("--played", share);
    $("now").textContent = clock(time);
    $("seek").setAttribute("aria-valuenow", time.toFixed(1));
    $("seek").setAttribute("aria-valuetext", spoken(time));
    if (this.#player.isPlaying) this.#keepInSight({ always: false });
    this.#light();
  }

  #keepInSight({ always }) {
    if (this.#level === 0) return;
    const x = (this.#player.time / this.#duration) * this.#view() * this.#zoom;
    const isSeen = x >= this.#sheet.scrollLeft && x <= this.#sheet.scrollLeft + this.#view() * 0.92;
    if (always || !isSeen) this.#sheet.scrollLeft = x - this.#view() * (always ? 0.5 : 0.1);
  }

  /** Highlights the events at the playhead, here and in the table, and names them next to the clock. */
  #light() {
    const { time } = this.#player;
    const captions = new Set();
    for (const marked of document.querySelectorAll("[data-span]")) {
      const isNow = time > 0 && marked.dataset.start <= time && time < marked.dataset.end;
      marked.classList.toggle("now", isNow);
      if (isNow && marked.matches(".item:not([hidden]) > .bar")) captions.add(marked.dataset.text);
    }
    const words = [...captions].join("  ");
    if ($("following").textContent !== words) $("following").textContent = words;
  }
}
