// The page of `timeaudio browse`: filters, the list, playback and export.

import { $, element, announce } from "../../page/js/dom.js";
import { offerThemes } from "../../page/js/theme.js";
import { readAbout, readExport, readRecordings } from "./archive.js";
import { Deck } from "./deck.js";
import { offerFilters, wanted } from "./filters.js";
import { listenToKeys, makeCurrent } from "./keys.js";
import { Picks } from "./picks.js";
import { drawRecording, eventWords } from "./recording.js";

const number = new Intl.NumberFormat("en");
const deck = new Deck(complain);
const picks = new Picks();
let kinds = [];
let shown = {}; // what the list was filtered by; the form may hold text that was not submitted
let newest = 0; // number of the newest request for a list; answers to older ones are dropped
let isReading = false;

/** Shows the first recordings of what the filters select, or the next ones. */
async function list({ isMore = false } = {}) {
  if (isMore && isReading) return;
  const mine = ++newest;
  isReading = true;
  const asked = isMore ? shown : wanted();
  try {
    const found = await readRecordings(asked, isMore ? $("recordings").children.length : 0);
    if (mine !== newest) return;
    complain("");
    shown = asked;
    show(found, isMore);
  } catch (error) {
    if (mine === newest) complain(error.message);
  } finally {
    if (mine === newest) isReading = false;
  }
}

function show(found, isMore) {
  const items = found.recordings.map((recording) => drawRecording(recording, (kind) => Math.max(0, kinds.indexOf(kind))));
  if (isMore) $("recordings").append(...items);
  else $("recordings").replaceChildren(...items);
  items.forEach((item) => picks.redraw(item));
  picks.numFound = found.num_events;
  deck.redraw();
  $("more").hidden = $("recordings").children.length >= found.num_recordings;
  const first = $("recordings").querySelector(".bar");
  if (first && !$("recordings").querySelector('.bar[tabindex="0"]')) makeCurrent(first);
  if (isMore) return;
  $("summary").textContent = summary(found);
}

function summary({ num_events: events, num_recordings: recordings, reason }) {
  const read = reason ? ` – ${reason}` : "";
  if (!recordings) return `Nothing found${read}.`;
  return `${plural(events, "event")} in ${plural(recordings, "recording")}${read}`;
}

function plural(count, word) {
  return `${number.format(count)} ${word}${count === 1 ? "" : "s"}`;
}

function complain(message) {
  $("trouble").replaceChildren(...(message ? [element("p", { class: "notice" }, message)] : []));
}

async function save(form) {
  try {
    const { name, blob } = await readExport(form, picks.events, shown);
    const link = element("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // when the browser has read it
    announce(`Saved ${name}`);
  } catch (error) {
    complain(error.message);
  }
}

function listenToList() {
  const recordings = $("recordings");
  recordings.addEventListener("click", (event) => {
    const item = event.target.closest(".recording");
    const bar = event.target.closest(".bar");
    if (bar && (event.shiftKey || event.ctrlKey || event.metaKey)) picks.toggle(bar);
    else if (bar) deck.play(item, Number(bar.dataset.start), Number(bar.dataset.end));
    else if (event.target.matches(".track")) deck.play(item, timeAt(event, item));
  });
  recordings.addEventListener("change", (event) => picks.toggleAll(event.target.closest(".recording")));
  const point = ({ target }) => {
    const bar = target.closest?.(".bar");
    if (bar) $("pointed").textContent = eventWords(bar.dataset);
  };
  recordings.addEventListener("pointerover", point);
  recordings.addEventListener("focusin", point);
}

/** Returns the second of a recording at which its track was clicked. */
function timeAt(event, item) {
  const { left, width } = event.target.getBoundingClientRect();
  return ((event.clientX - left) / width) * Number(item.dataset.duration);
}

async function start() {
  offerThemes($("theme"), () => {});
  const about = await readAbout();
  document.title = `${about.name} – TimeAudio`;
  $("name").textContent = about.name;
  $("size").textContent = `${plural(about.recordings, "recording")}, ${plural(about.events, "event")}`;
  kinds = about.kinds.map(({ name }) => name);
  offerFilters(about, () => list());
  listenToList();
  listenToKeys({
    toggle: () => deck.toggle(),
    stop: () => deck.stop(),
    pick: (bar) => picks.toggle(bar),
    pickAll: (item) => picks.toggleAll(item),
  });
  for (const button of document.querySelectorAll("[data-form]")) button.addEventListener("click", () => save(button.dataset.form));
  $("unpick").addEventListener("click", () => {
    picks.clear();
    $("recordings").querySelector('.bar[tabindex="0"]')?.focus(); // the button is gone
  });
  $("more").addEventListener("click", () => list({ isMore: true }));
  new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && list({ isMore: true }), { rootMargin: "600px" }).observe($("more"));
  await list();
}

start().catch((error) => complain(error.message));
