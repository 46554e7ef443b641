// The tip of a bar that is hovered or focused; highlights the bar's row in the table.

import { clock } from "./clock.js";
import { $, element } from "./dom.js";
import { confidenceWords } from "./spans.js";

const GAP = 8; // pixels between a tip and its bar

export function offerTips() {
  const groups = $("groups");
  const show = (event) => {
    const bar = event.target.closest?.(".bar");
    if (bar) open(bar);
  };
  groups.addEventListener("pointerover", show);
  groups.addEventListener("focusin", show);
  groups.addEventListener("pointerout", close);
  groups.addEventListener("focusout", close);
  $("sheet").addEventListener("scroll", close);
  addEventListener("scroll", close, { passive: true });
  // Hovering a row of the table highlights its bar.
  $("rows").addEventListener("pointerover", (event) => mark(event.target.closest("[data-span]")?.dataset.span));
  $("rows").addEventListener("pointerleave", () => mark(null));
}

function open(bar) {
  const { start, end, text, confidence } = bar.dataset;
  const shown = confidenceWords(confidence === "" ? null : Number(confidence));
  const times = `${clock(Number(start))} – ${clock(Number(end))}`;
  $("tip").replaceChildren(
    element("p", { class: "tip-text" }, text),
    element("p", { class: "tip-times" }, times, element("span", {}, `confidence ${shown}`)),
  );
  $("tip").hidden = false;
  const { left, top, bottom, width } = bar.getBoundingClientRect();
  const box = $("tip").getBoundingClientRect();
  const isRoomAbove = top - box.height > GAP;
  const middle = (Math.max(0, left) + Math.min(innerWidth, left + width)) / 2; // of the visible part of the bar
  const x = Math.min(innerWidth - box.width - GAP, middle - box.width / 2);
  $("tip").style.left = `${Math.max(GAP, x)}px`;
  $("tip").style.top = `${isRoomAbove ? top - box.height - GAP : bottom + GAP}px`;
  mark(bar.dataset.span);
}

function close() {
  $("tip").hidden = true;
  mark(null);
}

function mark(span) {
  for (const found of document.querySelectorAll("[data-span]")) found.classList.toggle("pointed", found.dataset.span === span);
}
