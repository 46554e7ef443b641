// The line of a finding: what was asked, how it stands, and what can be done about it.

import { element } from "./dom.js";
import { clock } from "./clock.js";
import { spansOf } from "./spans.js";

/** What was asked, in words. */
export function title({ task, words }) {
  return { dense_caption: "Everything", summarize: "Summary", ground: `“${words}”`, ask: words }[task];
}

/** How it stands, in words. */
export function outcome(finding) {
  const { task, state, answer, waitS } = finding;
  const number = spansOf(task, answer).length;
  if (state === "waiting") return `The server is busy. Trying again in ${waitS} s`;
  if (state === "listening") return number ? `${counted(number, task)} so far` : "Listening";
  if (state === "stopped") return number ? `Stopped after ${counted(number, task)}` : "Stopped";
  if (state === "failed") return finding.problem.title;
  if (task === "ask") return answer.answer;
  if (number) return counted(number, task);
  return { dense_caption: "Nothing was recognised", ground: "Not heard here", summarize: "Nobody speaks here" }[task];
}

/** The lane below says what was looked for, once there is one. */
function heading(finding) {
  const isShown = finding.task === "ground" && spansOf(finding.task, finding.answer).length > 0;
  return isShown ? element("span", {}, "Found", element("span", { class: "unseen" }, ` ${title(finding)}`)) : title(finding);
}

function counted(number, task) {
  const [one, many] = { dense_caption: ["event", "events"], ground: ["place", "places"], summarize: ["chapter", "chapters"], ask: ["time", "times"] }[task];
  return `${number} ${number === 1 ? one : many}`;
}

/**
 * Fills the line of a finding. `can` holds what its buttons do: select, stop, again, remove, hearPart(start, end).
 * `limits` and `player` say what a recording that is too long can be cut to.
 */
export function drawStatus(line, finding, { isSelected, limits, duration, can }) {
  const { state, problem, task } = finding;
  const isRunning = state === "listening" || state === "waiting";
  line.dataset.state = state;
  line.classList.toggle("selected", isSelected);
  const part = finding.part ? element("span", { class: "fine part-told" }, `${clock(finding.part.start)} to ${clock(finding.part.end)}`) : null;
  const button = element("button", { type: "button", class: "status-title", "aria-pressed": String(isSelected), onclick: can.select }, heading(finding));
  const words = element("span", { class: task === "ask" && state === "done" ? "status-answer" : "status-words" }, outcome(finding));
  const parts = [button, words, part];
  if (isRunning) parts.push(small("Stop", can.stop));
  else if (state === "stopped") parts.push(small("Go on", can.again));
  if (!isRunning) parts.push(element("button", { type: "button", class: "remove", "aria-label": `Remove ${title(finding)}`, onclick: can.remove }, "×"));
  const rows = [element("p", { class: "status-line" }, ...parts)];
  if (state === "failed") rows.push(trouble(problem, { limits, duration, can }));
  replaceKeepingFocus(line, rows);
}

function trouble(problem, { limits, duration, can }) {
  const ways = [];
  if (problem.slug === "audio-too-long" && limits) {
    const most = limits.audio_seconds;
    ways.push(small(`Hear the first ${clock(most).replace(/\.0$/, "")}`, () => can.hearPart(0, most)));
    ways.push(small("Hear on from the playhead", () => can.hearFromPlayhead()));
  } else {
    ways.push(small("Try again", can.again));
  }
  return element("div", { class: "trouble", role: "alert" }, element("p", {}, problem.detail), element("p", { class: "ways" }, ...ways));
}

function small(words, does) {
  return element("button", { type: "button", class: "small", onclick: does }, words);
}

/** The line is drawn anew each second at times: whoever stands on one of its buttons stays there. */
function replaceKeepingFocus(line, rows) {
  const held = line.contains(document.activeElement) ? document.activeElement.textContent : null;
  line.replaceChildren(...rows);
  if (held !== null) [...line.querySelectorAll("button")].find((button) => button.textContent === held)?.focus();
}
