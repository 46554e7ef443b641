// The time marks above the waveform, as many as stay readable.

import { mark } from "./clock.js";
import { element } from "./dom.js";

const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
const LEAST_PIXELS = 64;

/** Returns the seconds between two marks of a recording shown `width` pixels wide. */
export function step(duration, width) {
  return STEPS_S.find((seconds) => (seconds / duration) * width >= LEAST_PIXELS) ?? STEPS_S.at(-1);
}

export function drawRuler(ruler, duration, width) {
  const between = step(duration, width);
  const marks = [];
  for (let index = 0; index * between <= duration + 1e-6; index++) {
    const made = element("span", { class: "mark" }, mark(index * between));
    made.style.left = `${((index * between) / duration) * 100}%`;
    // The last mark would overflow the page.
    if (duration - index * between < between * 0.4) made.classList.add("last");
    marks.push(made);
  }
  ruler.replaceChildren(...marks);
}
