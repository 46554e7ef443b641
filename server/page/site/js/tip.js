// What a bar says when it is pointed at or in focus, and the row of the table that belongs to it.

import { clock } from "./clock.js";
import { $, element } from "./dom.js";
import { confidenceWords } from "./spans.js";

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
  // A row of the table shows its bar.
  $("rows").addEventListener("pointerover", (event) => mark(event.target.closest("[data-span]")?.dataset.span));
  $("rows").addEventListener("pointerleave", () => mark(null));
}

function open(bar) {
  const { start, end, text, confidence } = bar.dataset;
  const told = confidenceWords(confidence === "" ? null : Number(confidence));
  $("tip").replaceChildren(
    element("p", { class: "tip-text" }, text),
    element("p", { class: "tip-times" }, `${clock(Number(start))} – ${clock(Number(end))}`, element("span", {}, `confidence ${told}`)),
  );
  $("tip").hidden = false;
  const { left, top, bottom, width } = bar.getBoundingClientRect();
  const box = $("tip").getBoundingClientRect();
  const isRoomAbove = top - box.height - 8 > 0;
  $("tip").style.left = `${Math.max(8, Math.min(innerWidth - box.width - 8, left + Math.min(width, innerWidth) / 2 - box.width / 2))}px`;
  $("tip").style.top = `${isRoomAbove ? top - box.height - 8 : bottom + 8}px`;
  mark(bar.dataset.span);
}

function close() {
  $("tip").hidden = true;
  mark(null);
}

function mark(span) {
  for (const found of document.querySelectorAll("[data-span]")) found.classList.toggle("pointed", found.dataset.span === span);
}
