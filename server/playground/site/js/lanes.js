// One finding on the timeline: a status line, and below it one lane per kind of event.

import { length, spoken } from "./clock.js";
import { element } from "./dom.js";
import { isShown } from "./filter.js";
import { Kinds } from "./kinds.js";
import { confidenceWords, spansOf } from "./spans.js";

const HUES = 8;

export class Group {
  #finding;
  #lanes = [];
  #kinds = new Kinds();
  #shown = [];
  #firstHue;

  /** `firstHue` is the colour number of the first lane. */
  constructor(finding, firstHue) {
    this.#finding = finding;
    this.#firstHue = firstHue;
    this.status = element("div", { class: "status" });
    this.element = element("section", { class: `group group-${finding.task}`, "data-finding": finding.id }, this.status);
  }

  get numLanes() {
    return this.#lanes.length;
  }

  /** Draws new spans; `duration` is that of the recording, in seconds. */
  draw(duration) {
    const { task, answer } = this.#finding;
    const spans = spansOf(task, answer);
    const goesOn = this.#shown.every((span, index) => sameSpan(span, spans[index]));
    if (!goesOn) this.#clear();
    spans.slice(this.#shown.length).forEach((span) => this.#add(span, duration));
    this.#shown = spans;
    this.#lanes.forEach(filter);
  }

  #clear() {
    this.#lanes.forEach(({ row }) => row.remove());
    this.#lanes = [];
    this.#kinds = new Kinds();
    this.#shown = [];
  }

  #add(span, duration) {
    const isByKind = this.#finding.task === "dense_caption";
    const lane = this.#lane(isByKind ? this.#kinds.laneOf(span.text) : 0, span);
    lane.append(bar(this.#finding, span, duration));
  }

  #lane(index, span) {
    if (!this.#lanes[index]) {
      const name = laneName(this.#finding, span);
      const track = element("div", { class: "track", role: "list", "aria-label": name });
      const row = element(
        "div",
        { class: "row lane", "data-hue": (this.#firstHue + index) % HUES },
        element("span", { class: "gutter lane-name" }, element("span", {}, name)),
        track,
      );
      this.#lanes[index] = { row, track };
      this.element.append(row);
    }
    return this.#lanes[index].track;
  }
}

/** Hides bars of too little confidence, and the lane if none is left. */
function filter({ row, track }) {
  for (const item of track.children) {
    const { confidence } = item.firstChild.dataset;
    item.hidden = !isShown({ confidence: confidence === "" ? null : Number(confidence) });
  }
  row.hidden = [...track.children].every((item) => item.hidden);
}

function laneName({ task, words }, span) {
  if (task === "dense_caption") return span.text.replace(/\.$/, "");
  return { ground: words, ask: "In the answer", summarize: "Speech" }[task];
}

function bar(finding, span, duration) {
  const { start, end, text, confidence } = span;
  const times = `From ${spoken(start)} to ${spoken(end)}`;
  const label = `${text.replace(/\.$/, "")}. ${times}. Confidence ${confidenceWords(confidence)}.`;
  const shown = element("span", { class: "bar-text" }, finding.task === "summarize" ? text : length(end - start));
  const made = element("button", { class: "bar", type: "button", tabindex: "-1", "aria-label": label }, shown);
  Object.assign(made.dataset, { span: spanId(finding, span), start, end, text, confidence: confidence ?? "" });
  made.style.left = `${(start / duration) * 100}%`;
  made.style.width = `${((end - start) / duration) * 100}%`;
  made.style.setProperty("--confidence", confidence ?? 1);
  return element("div", { role: "listitem", class: "item" }, made);
}

/** The id that a bar shares with its row of the table. */
export function spanId(finding, { start, end, text }) {
  return `${finding.id} ${start} ${end} ${text}`;
}

function sameSpan(one, other) {
  return other && ["start", "end", "text", "confidence"].every((part) => one[part] === other[part]);
}
