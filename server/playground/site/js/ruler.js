// The time marks above the waveform, as many as stay readable.

import { mark } from "./clock.js";
import { element } from "./dom.js";

const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
const LEAST_PIXELS = 64;
const DIGIT_PIXELS = 7; // of a label, and PADDING_PIXELS beside it
const PADDING_PIXELS = 14;

/** Returns the seconds between two marks of a recording shown `width` pixels wide. */
export function step(duration, width) {
  const pixels = Math.max(LEAST_PIXELS, labelPixels(duration));
  return STEPS_S.find((seconds) => (seconds / duration) * width >= pixels) ?? STEPS_S.at(-1);
}

export function drawRuler(ruler, duration, width) {
  const between = step(duration, width);
  const marks = [];
  let end = 0; // of the label before
  for (let index = 0; index * between <= duration + 1e-6; index++) {
    const seconds = index * between;
    const x = (seconds / duration) * width;
    const pixels = labelPixels(seconds);
    const isLast = x + pixels > width; // its label would overflow the page, so it stands before its time
    if ((isLast ? x - pixels : x) < end) continue;
    const made = element("span", { class: isLast ? "mark last" : "mark" }, mark(seconds));
    made.style.left = `${(seconds / duration) * 100}%`;
    marks.push(made);
    end = isLast ? x : x + pixels;
  }
  ruler.replaceChildren(...marks);
}

function labelPixels(seconds) {
  return mark(Math.round(seconds * 10) / 10).length * DIGIT_PIXELS + PADDING_PIXELS;
}
