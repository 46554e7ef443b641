// Keyboard: arrows move between events. One event and its recording's check box are in the tab order, so that Tab leads
// past the list to the deck.

import { $ } from "../../page/js/dom.js";

/** `can` holds the actions: toggle, stop, pick(bar), pickAll(item). */
export function listenToKeys(can) {
  $("show-keys").addEventListener("click", () => $("keys").showModal());
  $("recordings").addEventListener("focusin", ({ target }) => {
    if (target.matches(".bar")) makeCurrent(target);
  });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
    const { target, key } = event;
    if (key === "Escape") {
      if (can.stop()) event.preventDefault();
      return;
    }
    if (target === $("query") && key === "ArrowDown") {
      event.preventDefault();
      $("recordings").querySelector('.bar[tabindex="0"]')?.focus();
    }
    if (target.closest("input:not([type=checkbox], [type=range])")) return;
    const bar = target.closest(".bar");
    const action = key === " " && target.closest("button, a, input, select") ? null : actions(can, bar)[key.length === 1 ? key.toLowerCase() : key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function actions(can, bar) {
  const always = { "?": () => $("keys").showModal(), "/": () => $("query").focus(), " ": can.toggle };
  if (!bar) return always;
  const item = bar.closest(".recording");
  return {
    ...always,
    ArrowRight: () => step(bar, 1),
    ArrowLeft: () => step(bar, -1),
    ArrowDown: () => toRecording(item, "nextElementSibling"),
    ArrowUp: () => toRecording(item, "previousElementSibling"),
    x: () => can.pick(bar),
    a: () => can.pickAll(item),
  };
}

function step(bar, by) {
  const bars = [...$("recordings").querySelectorAll(".bar")];
  bars[bars.indexOf(bar) + by]?.focus();
}

function toRecording(item, way) {
  let next = item[way];
  while (next && !next.querySelector(".bar")) next = next[way];
  next?.querySelector(".bar").focus();
}

/** Makes a bar and the check box of its recording the ones in the tab order. */
export function makeCurrent(bar) {
  for (const other of $("recordings").querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
  bar.tabIndex = 0;
  bar.closest(".recording").querySelector("input").tabIndex = 0;
}
