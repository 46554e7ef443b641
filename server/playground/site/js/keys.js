// Keyboard shortcuts. They are off in text fields; Space and Enter keep their function on focused buttons.

import { $ } from "./dom.js";

const SECOND_S = 1;
const TENTH_S = 0.1;

/** `can` holds the actions: toggle, seekBy(seconds), seekTo(seconds), step(direction), zoom(direction), stop. */
export function listenToKeys(can) {
  $("show-keys").addEventListener("click", () => $("keys").showModal());
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
    const { target, key } = event;
    if (key === "Escape") {
      if (can.stop()) event.preventDefault();
      return;
    }
    if (target.closest("input, textarea, [role=tablist]")) return;
    if (key === " " && target.closest("button, a, pre")) return;
    if (key.startsWith("Arrow") && target.closest("pre")) return;
    const isInTimeline = target.closest("#sheet") !== null;
    const action = actions(can, event.shiftKey, isInTimeline)[key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function actions(can, isFine, isInTimeline) {
  const by = isFine ? TENTH_S : SECOND_S;
  const always = { "?": () => $("keys").showModal() };
  if ($("desk").hidden) return always;
  return {
    ...always,
    " ": can.toggle,
    ArrowLeft: () => can.seekBy(-by),
    ArrowRight: () => can.seekBy(by),
    "+": () => can.zoom(1),
    "=": () => can.zoom(1),
    "-": () => can.zoom(-1),
    "/": () => $("query").focus(),
    // These scroll the page unless the timeline has the focus.
    ...(isInTimeline && {
      ArrowUp: () => can.step(-1),
      ArrowDown: () => can.step(1),
      Home: () => can.seekTo(0),
      End: () => can.seekTo(Infinity),
    }),
  };
}
