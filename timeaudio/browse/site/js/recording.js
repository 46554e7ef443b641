// One recording of the list: its name, and a lane for each kind of event.

import { clock, length, spoken } from "../../page/js/clock.js";
import { element } from "../../page/js/dom.js";

const HUES = 8;

/** Returns the list item of a recording. `hueOf(kind)` numbers kinds. */
export function drawRecording(recording, hueOf) {
  const { id, path, recorded_at: when, events } = recording;
  const duration = recording.duration || Math.max(1, ...events.map(({ end }) => end)); // unknown in archives of others
  const pick = element("input", { type: "checkbox", tabindex: "-1", disabled: events.length === 0, "aria-label": `Select all events of ${path}` });
  return element(
    "li",
    { class: "recording", "data-recording": id, "data-path": path, "data-duration": duration },
    element(
      "div",
      { class: "recording-head" },
      element("label", { class: "recording-name" }, pick, element("span", {}, path)),
      element("span", { class: "fine" }, [when?.replace("T", " "), clock(duration)].filter(Boolean).join(" · ")),
      events.length ? null : element("span", { class: "fine" }, "no events"),
    ),
    ...lanes(events).map((lane) => drawLane(lane, duration, hueOf)),
  );
}

/** Groups events by kind or, if a caption names none, by caption; in order of first appearance. */
function lanes(events) {
  const found = new Map();
  for (const event of events) {
    const name = event.kind?.replaceAll("_", " ") ?? (event.label.trim().replace(/\.$/, "") || "?");
    if (!found.has(name)) found.set(name, { name, kind: event.kind, events: [] });
    found.get(name).events.push(event);
  }
  return [...found.values()];
}

function drawLane({ name, kind, events }, duration, hueOf) {
  return element(
    "div",
    { class: "row lane", "data-hue": hueOf(kind) % HUES },
    element("span", { class: "gutter lane-name" }, element("span", {}, name)),
    element("div", { class: "track", role: "list", "aria-label": name }, ...events.map((event) => drawBar(event, duration))),
  );
}

function drawBar({ id, start, end, label, confidence }, duration) {
  const spokenLabel = `${label.replace(/\.$/, "")}. From ${spoken(start)} to ${spoken(end)}. Confidence ${confidenceWords(confidence)}.`;
  const made = element(
    "button",
    { class: "bar", type: "button", tabindex: "-1", "aria-label": spokenLabel, "aria-pressed": "false" },
    element("span", { class: "bar-text" }, length(end - start)),
  );
  Object.assign(made.dataset, { event: id, start, end, label, confidence: confidence ?? "" });
  made.style.left = `${(start / duration) * 100}%`;
  made.style.width = `${((end - start) / duration) * 100}%`;
  made.style.setProperty("--confidence", confidence ?? 1);
  return element("div", { role: "listitem" }, made);
}

/** "A dog barks. 0:00.5 – 0:02.5, 90 %" */
export function eventWords({ label, start, end, confidence }) {
  const suffix = confidence === "" ? "" : `, ${confidenceWords(Number(confidence))}`;
  return `${label} ${clock(Number(start))} – ${clock(Number(end))}${suffix}`;
}

function confidenceWords(confidence) {
  return confidence === null ? "unknown" : `${Math.round(confidence * 100)} %`;
}
