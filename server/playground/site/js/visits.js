// The browser's history: Back and Forward lead between the opening and the recordings. A visit is { id, clip }: `clip` is
// the name of a bundled recording, null for any other. The opening has no id.

let number = 0;

/** Adds a visit of a recording to the history, and returns it. */
export function visit(clip) {
  const begun = { id: `${performance.timeOrigin} ${++number}`, clip };
  history.pushState(begun, "");
  return begun;
}

/** Adds a visit of the opening to the history. */
export function visitOpening() {
  history.pushState({}, "");
}

/** Whether this visit is still the current one. */
export function isHere({ id }) {
  return history.state?.id === id;
}

/** Calls `arrive(visit)` after Back and Forward, and for a clip that was open when the page was reloaded. */
export function followVisits(arrive) {
  history.replaceState(history.state ?? {}, "");
  addEventListener("popstate", ({ state }) => {
    if (state) arrive(state); // a link within the page has none
  });
  if (history.state.clip) arrive(history.state);
}
