// The two views of the page, the opening and the desk with a recording, and what went wrong in them.

import { clock } from "./clock.js";
import { $, element } from "./dom.js";

/** Shows the recording `name`. The focus moves along, because what had it is hidden now. */
export function showDesk(name) {
  $("opening").hidden = true;
  $("desk").hidden = false;
  document.title = `${name} · TimeAudio`;
  $("play").focus({ preventScroll: true });
}

/** Fills the desk's heading; `seconds` is null if the recording's duration is not known, or not yet. */
export function describe(name, bytes, seconds) {
  $("name").textContent = name;
  $("about").textContent = `${seconds === null ? "" : `${clock(seconds)} · `}${size(bytes)}`;
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

export function showOpening() {
  showTrouble(null);
  $("desk").hidden = true;
  $("opening").hidden = false;
  document.title = "TimeAudio";
  $("choose").focus();
}

/** Shows a problem in the current view, and a button that calls `again`, if given; null removes it. */
export function showTrouble(problem, again = null) {
  const place = $("desk").hidden ? $("opening-trouble") : $("desk-trouble");
  for (const each of [$("opening-trouble"), $("desk-trouble")]) each.replaceChildren();
  if (!problem) return;
  const retry = again && element("button", { type: "button", class: "small", onclick: again }, "Try again");
  place.replaceChildren(
    element("p", { class: "notice" }, element("strong", {}, `${problem.title}.`), " ", problem.detail, " ", retry),
  );
}
