// The finding as a table, with the same events as its lanes.

import { clock, length } from "./clock.js";
import { $, element } from "./dom.js";
import { isShown } from "./filter.js";
import { spanId } from "./lanes.js";
import { confidenceWords, spansOf } from "./spans.js";

/** Fills the table; calls `play(span)` when a row is chosen. */
export function drawTable(finding, play) {
  const spans = spansOf(finding.task, finding.answer).filter(isShown).sort((one, other) => one.start - other.start || one.end - other.end);
  const held = document.activeElement?.closest("#rows [data-span]")?.dataset.span;
  $("rows").replaceChildren(...spans.map((span) => row(finding, span, play)));
  if (held) [...$("rows").children].find(({ dataset }) => dataset.span === held)?.querySelector("button").focus();
  $("table").hidden = spans.length === 0;
}

function row(finding, span, play) {
  const { start, end, text, confidence } = span;
  const label = `Play from ${clock(start)}: ${text}`;
  const button = element("button", { type: "button", class: "row-play", "aria-label": label }, clock(start));
  const isKnown = confidence !== null && confidence !== undefined;
  const made = element(
    "tr",
    { "data-span": spanId(finding, span), onclick: () => play(span) },
    element("td", { class: "time" }, button),
    element("td", { class: "time" }, clock(end)),
    element("td", { class: "time long" }, length(end - start)),
    element("td", { class: "what" }, text),
    element("td", { class: "time" }, isKnown ? confidenceWords(confidence) : unknown()),
  );
  Object.assign(made.dataset, { start, end });
  return made;
}

function unknown() {
  return element("span", { class: "fine", title: "The model is not calibrated for this task, so it gives no confidence." }, "–");
}
