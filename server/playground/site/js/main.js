// Connects the parts of the page. Each part is its own file and knows only the parts that it is given.

import { read } from "./api.js";
import { clock } from "./clock.js";
import { $, announce } from "./dom.js";
import { isCalibrated, offerFilter } from "./filter.js";
import { Findings } from "./findings.js";
import { listenToKeys } from "./keys.js";
import { recall, remember } from "./memory.js";
import { watchModel } from "./model.js";
import { clip as fetchClip, offerWays, showTrouble } from "./opening.js";
import { longest, partAround, partFrom } from "./part.js";
import { Player } from "./player.js";
import { Result } from "./result.js";
import { Sheet } from "./sheet.js";
import { drawStatus, outcome, title } from "./status.js";
import { offerThemes } from "./theme.js";
import { offerTips } from "./tip.js";
import { followVisits, isHere, visit, visitOpening } from "./visits.js";

const player = new Player($("waveform"));
const sheet = new Sheet(player);
const findings = new Findings();
offerThemes($("theme"), () => player.recolour());
offerTips();

const about = await read("page/about.json");
const play = (span) => player.playSpan(span);
const result = new Result(play, about.formats);
const model = watchModel();
let recording = null;
let selected = null;

offerWays(about, (file, name, clip) => open(file, name, visit(clip), { isReturn: false }));

/** Shows what Back or Forward leads to. A clip comes back with its answers, even after a reload. */
async function arrive(at) {
  if (recording && at.id === recording.id) return showDesk();
  const isClip = about.clips.some(({ file }) => file === at.clip);
  const file = isClip ? await fetchClip(at.clip).catch(() => null) : null;
  if (!isHere(at)) return; // the user has left it meanwhile
  if (file) await open(file, at.clip, at, { isReturn: true });
  else showOpening();
}

function showDesk() {
  $("opening").hidden = true;
  $("desk").hidden = false;
  document.title = `${recording.name} · TimeAudio`;
}

function showOpening() {
  player.pause();
  showTrouble(null);
  $("desk").hidden = true;
  $("opening").hidden = false;
  document.title = "TimeAudio";
}

async function open(file, name, { id, clip }, { isReturn }) {
  const { kept, selected: at } = isReturn ? recall(clip) : { kept: [] };
  recording = { file, name, id, clip };
  const mine = recording;
  showTrouble(null);
  findings.about(recording);
  $("name").textContent = name;
  showDesk();
  const seconds = await player.load(file);
  if (recording !== mine) return;
  recording.seconds = seconds;
  $("unseen").hidden = seconds !== null;
  $("about").textContent = `${seconds === null ? "" : `${clock(seconds)} · `}${size(file.size)}`;
  sheet.begin(seconds ?? 1);
  scrollTo({ top: 0 });
  $("play").focus({ preventScroll: true });
  findings.restore(kept);
  if (kept.length) return select(findings.all[at] ?? findings.all.at(-1));
  const { tasks } = await model.first;
  if (recording === mine && tasks.includes("dense_caption")) select(findings.ask("dense_caption"));
}

function close() {
  findings.about(null);
  player.unload();
  recording = null;
  select(null);
  visitOpening();
  showOpening();
  $("choose").focus();
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function select(finding) {
  selected = finding;
  findings.all.forEach(draw);
  drawFilter();
  drawResult();
}

function drawFilter() {
  $("filter").hidden = !findings.all.some(({ task, answer }) => isCalibrated(task, answer));
}

/** A request that failed leaves the last answer in place. */
function drawResult() {
  const isLost = selected?.state === "failed" && !selected.good;
  const shown = isLost ? findings.all.findLast(({ good }) => good) ?? selected : selected;
  result.draw(shown, recording?.name ?? "");
}

function keep() {
  if (recording?.clip) remember(recording.clip, findings.all, selected);
}

function draw(finding) {
  // If the browser could not determine the recording's duration, the server's answer holds it.
  const audio = finding.answer?.audio;
  if (recording.seconds === null && audio) {
    recording.seconds = audio.start + audio.duration;
    sheet.begin(recording.seconds);
    findings.all.forEach(draw);
    return;
  }
  const most = longest(finding.task, about.limits);
  const total = recording.seconds ?? Infinity;
  drawStatus(sheet.draw(finding), finding, {
    isSelected: finding === selected,
    limits: about.limits,
    can: {
      select: () => {
        select(finding);
        keep();
      },
      stop: () => findings.stop(finding),
      again: () => findings.again(finding),
      remove: () => {
        findings.remove(finding);
        keep();
      },
      analyseFirst: () => findings.again(finding, partFrom(0, total, most)),
      analyseFromPlayhead: () => findings.again(finding, partFrom(player.time, total, most)),
      analyseAroundPlayhead: () => findings.again(finding, partAround(player.time, total, most)),
    },
  });
}

findings.addEventListener("change", ({ detail: finding }) => {
  draw(finding);
  drawFilter();
  if (finding === selected || selected?.state === "failed") drawResult();
  if (finding.state === "done") keep();
  if (finding.problem?.slug === "unreachable") model.look();
  if (finding.state === "done" || finding.state === "failed") announce(`${title(finding)}: ${outcome(finding)}`);
});
findings.addEventListener("remove", ({ detail: finding }) => {
  sheet.remove(finding);
  if (finding === selected) select(findings.all.at(-1) ?? null);
});
sheet.addEventListener("play", ({ detail: span }) => play(span));

for (const asking of document.querySelectorAll("form[data-task]")) {
  const input = asking.querySelector("input");
  input.maxLength = about.limits.query_chars;
  asking.addEventListener("submit", (event) => {
    event.preventDefault();
    if (input.value.trim()) select(findings.ask(asking.dataset.task, input.value.trim()));
    input.value = "";
    input.focus();
  });
}
for (const button of document.querySelectorAll("button[data-task]")) {
  button.addEventListener("click", () => select(findings.ask(button.dataset.task)));
}
$("close").addEventListener("click", close);
$("play").addEventListener("click", () => player.toggle());
$("zoom-in").addEventListener("click", () => sheet.zoom(1));
$("zoom-out").addEventListener("click", () => sheet.zoom(-1));
for (const [event, isPlaying] of [["play", true], ["pause", false]]) {
  player.addEventListener(event, () => {
    $("play").classList.toggle("playing", isPlaying);
    $("play").setAttribute("aria-label", isPlaying ? "Pause" : "Play");
  });
}
offerFilter(() => select(selected));
listenToKeys({
  toggle: () => player.toggle(),
  seekBy: (seconds) => player.seek(player.time + seconds),
  step: (direction) => sheet.step(direction),
  zoom: (direction) => sheet.zoom(direction),
  stop: () => {
    const didPlay = player.isPlaying;
    player.pause();
    return findings.stopAll() || didPlay;
  },
});
followVisits(arrive);
