// The filter form, and its copy in the address, so that a reload and a bookmark keep it.

import { $, element } from "../../page/js/dom.js";

const NAMES = ["query", "kind", "after", "before", "least"];
const LAST_DAY = "9999-12-30"; // the server reads years of four digits, and "To" asks for the day after
const TYPING_MS = 250; // after the last change of the slider

/** Fills the choices from `about`, restores the address, and calls `changed` at each change. */
export function offerFilters(about, changed) {
  const count = new Intl.NumberFormat("en");
  for (const { name, events } of about.kinds) {
    $("kind").append(element("option", { value: name }, `${name.replaceAll("_", " ")} (${count.format(events)})`));
  }
  for (const name of ["after", "before"]) {
    if (about.first) Object.assign($(name), { min: about.first.slice(0, 10), max: about.last.slice(0, 10) });
    else $(name).closest("p").hidden = true;
  }
  $("filter").hidden = !about.has_confidence;
  for (const [name, value] of new URLSearchParams(location.search)) if (NAMES.includes(name)) $(name).value = value;
  let waiting;
  const apply = () => {
    $("least-value").textContent = `${$("least").value} %`;
    remember();
    changed();
  };
  $("filters").addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  for (const name of ["kind", "after", "before"]) $(name).addEventListener("change", apply);
  $("least").addEventListener("input", () => {
    $("least-value").textContent = `${$("least").value} %`;
    clearTimeout(waiting);
    waiting = setTimeout(apply, TYPING_MS);
  });
  $("clear").addEventListener("click", () => {
    $("filters").reset();
    apply();
  });
  $("least-value").textContent = `${$("least").value} %`;
}

/** Returns the parameters of a request. "To" includes its day. */
export function wanted() {
  const made = { query: $("query").value.trim(), kind: $("kind").value, min_confidence: Number($("least").value) / 100 };
  const [after, before] = [day("after"), day("before")];
  if (after) made.after = `${after}T00:00:00`;
  if (before) {
    const next = new Date(`${before}T00:00:00Z`);
    next.setUTCDate(next.getUTCDate() + 1);
    made.before = next.toISOString().slice(0, 19);
  }
  return made;
}

/** Returns the date in a field, at most LAST_DAY; empty if there is none. */
function day(name) {
  const { value } = $(name);
  return value.length > LAST_DAY.length || value > LAST_DAY ? LAST_DAY : value; // fields take years of six digits
}

function remember() {
  const values = new URLSearchParams(NAMES.filter((name) => $(name).value && $(name).value !== "0").map((name) => [name, $(name).value]));
  history.replaceState(null, "", values.size ? `?${values}` : location.pathname);
}
