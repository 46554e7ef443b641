// Hides intervals with a confidence below the slider's. The choice is stored.

import { $ } from "./dom.js";
import { spansOf } from "./spans.js";

const KEY = "least-confidence";
let least = stored();

/** The least confidence that is shown, 0 to 1. */
export function leastConfidence() {
  return least;
}

/** Whether to show an interval. Without a confidence, the model is not calibrated for its task: then all are shown. */
export function isShown({ confidence }) {
  return !isKnown(confidence) || confidence >= least;
}

export function isCalibrated(task, answer) {
  return spansOf(task, answer).some(({ confidence }) => isKnown(confidence));
}

/** Calls `changed` when another confidence is chosen. */
export function offerFilter(changed) {
  const showLeast = () => ($("least-value").textContent = `${Math.round(least * 100)} %`);
  $("least").value = least * 100;
  showLeast();
  $("least").addEventListener("input", () => {
    least = $("least").value / 100;
    showLeast();
    try {
      localStorage.setItem(KEY, String(least));
    } catch {
      // Storage is blocked: the choice lasts until the page is closed.
    }
    changed();
  });
}

const KEPT = {
  dense_caption: (answer) => ({ ...answer, events: answer.events.map(withShown).filter(({ intervals }) => intervals.length) }),
  ground: (answer) => ({ ...answer, results: answer.results.map(withShown).map(present) }),
  summarize: (answer) => ({ ...answer, segments: answer.segments.filter(isShown) }),
  ask: (answer) => withShown(answer),
};

/** Returns the answer as the server gives it with this `min_confidence`. */
export function shownAnswer(task, answer) {
  return least > 0 && isCalibrated(task, answer) ? KEPT[task](answer) : answer;
}

function withShown(holder) {
  return { ...holder, intervals: holder.intervals.filter(isShown) };
}

function present(result) {
  return { ...result, present: result.present && result.intervals.length > 0 };
}

function isKnown(confidence) {
  return confidence !== null && confidence !== undefined;
}

function stored() {
  try {
    const chosen = Number(localStorage.getItem(KEY));
    return chosen > 0 && chosen < 1 ? chosen : 0;
  } catch {
    return 0;
  }
}
