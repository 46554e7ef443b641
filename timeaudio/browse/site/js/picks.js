// Which events are selected for export. Events stay selected while the list shows others.

import { $ } from "../../page/js/dom.js";

const number = new Intl.NumberFormat("en");

export class Picks {
  #picked = new Set(); // numbers of events
  #numFound = 0;

  /** The numbers of the selected events; null if none is selected, which means all that are found. */
  get events() {
    return this.#picked.size ? [...this.#picked].sort((one, other) => one - other) : null;
  }

  set numFound(count) {
    this.#numFound = count;
    this.#showCount();
  }

  toggle(bar) {
    this.#set(bar, !this.#picked.has(Number(bar.dataset.event)));
    this.#refresh(bar.closest(".recording"));
  }

  toggleAll(item) {
    const bars = [...item.querySelectorAll(".bar")];
    const areAll = bars.every((bar) => this.#picked.has(Number(bar.dataset.event)));
    for (const bar of bars) this.#set(bar, !areAll);
    this.#refresh(item);
  }

  clear() {
    this.#picked.clear();
    for (const item of $("recordings").children) this.redraw(item);
  }

  /** Shows the selection in a list item that was just drawn. */
  redraw(item) {
    for (const bar of item.querySelectorAll(".bar")) this.#mark(bar);
    this.#refresh(item);
  }

  #set(bar, isPicked) {
    this.#picked[isPicked ? "add" : "delete"](Number(bar.dataset.event));
    this.#mark(bar);
  }

  #mark(bar) {
    bar.setAttribute("aria-pressed", this.#picked.has(Number(bar.dataset.event)));
  }

  #refresh(item) {
    const bars = [...item.querySelectorAll(".bar")];
    const count = bars.filter((bar) => bar.getAttribute("aria-pressed") === "true").length;
    const box = item.querySelector("input");
    box.checked = count > 0 && count === bars.length;
    box.indeterminate = count > 0 && count < bars.length;
    this.#showCount();
  }

  #showCount() {
    const size = this.#picked.size;
    $("picked").textContent = size ? `Export ${number.format(size)} selected` : `Export all ${number.format(this.#numFound)}`;
    $("unpick").hidden = !size;
    for (const button of document.querySelectorAll("[data-form]")) button.disabled = !size && !this.#numFound;
  }
}
