// The browser's history: Back and Forward lead between the opening and the recordings. A visit is { id, clip }: `clip` is
// the name of a bundled recording, null for any other. The opening has no id.

let number = 0;
let current = {};

/** Adds a visit of a recording to the history, and returns it. */
export function visit(clip) {
  current = { id: `${performance.timeOrigin} ${++number}`, clip };
  history.pushState(current, "");
  return current;
}

/** Adds a visit of the opening to the history. */
export function visitOpening() {
  current = {};
  history.pushState(current, "");
}

/** Whether this visit is still the current one. */
export function isHere({ id }) {
  return history.state?.id === id;
}

/** Calls `arrive(visit)` after Back and Forward, and for a clip that was open when the page was reloaded. */
export function followVisits(arrive) {
  current = history.state ?? {};
  history.replaceState(current, "");
  addEventListener("popstate", ({ state }) => {
    // A link within the page has no state: it stays in the visit, which a reload must find.
    if (!state) return history.replaceState(current, "");
    current = state;
    arrive(state);
  });
  if (current.clip) arrive(current);
}
