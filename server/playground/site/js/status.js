// The status line of a finding: the request, its state, and the possible actions.

import { element } from "./dom.js";
import { clock, mark } from "./clock.js";
import { isShown } from "./filter.js";
import { longest } from "./part.js";
import { spansOf } from "./spans.js";

/** Returns the request in words. */
export function title({ task, words }) {
  return { dense_caption: "Everything", summarize: "Summary", ground: `“${words}”`, ask: words }[task];
}

/** Returns the state in words. */
export function outcome(finding) {
  const { task, state, answer, waitS, progress } = finding;
  const number = spansOf(task, answer).filter(isShown).length;
  if (state === "waiting") return `The server is busy. Trying again in ${waitS} s`;
  if (state === "listening" && progress?.sent < 1) return `Uploading, ${Math.round(progress.sent * 100)} %`;
  if (state === "listening") return (number ? `${counted(number, task)} so far` : "Analysing") + passes(progress);
  if (state === "stopped") return number ? `Stopped after ${counted(number, task)}` : "Stopped";
  if (state === "failed") return finding.problem.title;
  return found(finding);
}

function passes(progress) {
  return progress?.passes ? `, ${progress.done} of ${progress.passes} passes` : "";
}

/** Returns a complete answer in words, regardless of later requests. */
export function found({ task, answer }) {
  if (task === "ask") return answer.answer;
  const spans = spansOf(task, answer);
  const number = spans.filter(isShown).length;
  const numHidden = spans.length - number;
  if (numHidden) return `${counted(number, task)}, ${numHidden} hidden`;
  if (number) return counted(number, task);
  return { dense_caption: "No events found", ground: "Not found", summarize: "No speech found" }[task];
}

/** Once there is a lane, its name shows the query. */
function heading(finding) {
  const hasLane = finding.task === "ground" && spansOf(finding.task, finding.answer).some(isShown);
  const words = hasLane ? ["Found", element("span", { class: "unseen" }, ` ${title(finding)}`)] : [title(finding)];
  return element("span", {}, ...words);
}

function counted(number, task) {
  const noun = { dense_caption: "event", ground: "place", summarize: "chapter", ask: "time" }[task];
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/**
 * Fills the status line of a finding. `can` holds the actions of its buttons: select, stop, again, remove, and, for
 * recordings longer than `limits` allow, analyseFirst, analyseFromPlayhead and analyseAroundPlayhead.
 */
export function drawStatus(line, finding, { isSelected, limits, can }) {
  const { state, problem, task, part } = finding;
  const isRunning = state === "listening" || state === "waiting";
  line.dataset.state = state;
  line.classList.toggle("selected", isSelected);
  const name = heading(finding);
  const drawn = JSON.stringify([state, part, name.textContent, !isRunning && outcome(finding), problem?.detail]);
  const isSame = line.dataset.drawn === drawn;
  line.dataset.drawn = drawn;
  if (isSame) return refresh(line, finding, isSelected);
  const pressed = { class: "status-title", "aria-pressed": String(isSelected) };
  const isAnswer = task === "ask" && state === "done";
  const parts = [
    element("button", { type: "button", ...pressed, onclick: can.select }, name),
    element("span", { class: isAnswer ? "status-answer" : "status-words" }, outcome(finding)),
    meter(finding),
    part && element("span", { class: "fine part-range" }, `${clock(part.start)} to ${clock(part.end)}`),
  ];
  if (state === "stopped") parts.push(small("Run again", can.again));
  if (isRunning) parts.push(small("Stop", can.stop));
  else parts.push(element("button", { ...removes(finding), onclick: can.remove }, "×"));
  const rows = [element("p", { class: "status-line" }, ...parts)];
  if (state === "failed") rows.push(trouble(task, problem, { limits, can }));
  replaceKeepingFocus(line, rows);
}

/**
 * Changes only what differs: a button that is replaced while it is pressed would not get the click, and screen readers
 * would repeat an error that is replaced.
 */
function refresh(line, finding, isSelected) {
  line.querySelector(".status-title").setAttribute("aria-pressed", String(isSelected));
  const words = line.querySelector(".status-words");
  if (words && words.textContent !== outcome(finding)) words.textContent = outcome(finding);
  line.querySelector("progress")?.remove();
  const bar = meter(finding);
  if (bar) words.after(bar);
}

/** Shows what is known of the progress: of the upload, then of the passes. */
function meter({ progress, ...finding }) {
  const share = progress?.passes ? progress.done / progress.passes : progress?.sent;
  if (finding.state !== "listening" || share === undefined || (share === 1 && !progress.passes)) return null;
  return element("progress", { value: share, "aria-label": `Progress of ${title(finding)}` });
}

function removes(finding) {
  return { type: "button", class: "remove", "aria-label": `Remove ${title(finding)}` };
}

function trouble(task, problem, { limits, can }) {
  const ways = [];
  const most = mark(longest(task, limits));
  if (problem.slug === "audio-too-long" && task === "ask") {
    ways.push(small(`Ask about the first ${most}`, can.analyseFirst));
    ways.push(small(`Ask about ${most} around the playhead`, can.analyseAroundPlayhead));
  } else if (problem.slug === "audio-too-long") {
    ways.push(small(`Analyse the first ${most}`, can.analyseFirst));
    ways.push(small("Analyse from the playhead", can.analyseFromPlayhead));
  } else {
    ways.push(small("Try again", can.again));
  }
  const detail = element("p", {}, problem.detail);
  return element("div", { class: "trouble", role: "alert" }, detail, element("p", { class: "ways" }, ...ways));
}

function small(words, does) {
  return element("button", { type: "button", class: "small", onclick: does }, words);
}

/** Keeps the focus on the same button, or in the line if that button is gone, as "Stop" is once it is stopped. */
function replaceKeepingFocus(line, rows) {
  const held = line.contains(document.activeElement) ? document.activeElement.textContent : null;
  line.replaceChildren(...rows);
  if (held === null) return;
  const same = [...line.querySelectorAll("button")].find((button) => button.textContent === held);
  (same ?? line.querySelector(".status-title")).focus();
}
