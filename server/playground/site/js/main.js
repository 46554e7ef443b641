// Connects the parts of the page. Each part is its own file and knows only the parts that it is given.

import { readAbout } from "./about.js";
import { offerAsking } from "./asking.js";
import { $, announce } from "./dom.js";
import { isCalibrated, offerFilter } from "./filter.js";
import { Findings } from "./findings.js";
import { listenToKeys } from "./keys.js";
import { recall, remember } from "./memory.js";
import { watchModel } from "./model.js";
import { clip as fetchClip, leaveOpening, offerWays } from "./opening.js";
import { longest, partAround, partFrom } from "./part.js";
import { Player } from "./player.js";
import { Result } from "./result.js";
import { Sheet } from "./sheet.js";
import { drawStatus, outcome, title } from "./status.js";
import { offerThemes } from "./theme.js";
import { offerTips } from "./tip.js";
import { offerTransport } from "./transport.js";
import { describe, showDesk, showOpening, showTrouble } from "./views.js";
import { followVisits, isHere, visit, visitOpening } from "./visits.js";

const player = new Player($("waveform"));
const sheet = new Sheet(player);
const findings = new Findings();
offerThemes($("theme"), () => player.recolour());
offerTips();

const about = await readAbout();
const play = (span) => player.playSpan(span);
const result = new Result(play, about);
const model = watchModel();
let recording = null;
let selected = null;
const late = new Set(); // findings to draw in the next frame, because a stream may bring hundreds of events at once

offerWays(about, (file, name, clip) => open(file, name, visit(clip), { isReturn: false }));

/** Shows what Back or Forward leads to. A clip comes back with its answers, even after a reload. */
async function arrive(at) {
  if (recording && at.id === recording.id) return showRecording();
  const isClip = about.clips.some(({ file }) => file === at.clip);
  const file = isClip ? await fetchClip(at.clip).catch(() => null) : null;
  if (!isHere(at)) return; // the user has left it meanwhile
  if (file) await open(file, at.clip, at, { isReturn: true });
  else leave();
}

function showRecording() {
  leaveOpening();
  showDesk(recording.name);
}

function leave() {
  player.pause();
  showOpening();
}

async function open(file, name, { id, clip }, { isReturn }) {
  const { kept, selected: at } = isReturn ? recall(clip) : { kept: [] };
  recording = { file, name, id, clip, seconds: null };
  const mine = recording;
  showTrouble(null);
  findings.about(recording);
  describe(name, file.size, null);
  $("unseen").hidden = true;
  showRecording();
  scrollTo({ top: 0 });
  const loading = player.load(file); // takes seconds if the file is long
  sheet.begin(null);
  $("sheet").setAttribute("aria-busy", "true");
  const seconds = await loading;
  if (recording !== mine) return;
  $("sheet").setAttribute("aria-busy", "false");
  recording.seconds = seconds ?? recording.seconds; // which an answer may have given meanwhile
  $("unseen").hidden = seconds !== null;
  describe(name, file.size, seconds);
  sheet.begin(recording.seconds);
  findings.all.forEach(draw); // the user may have asked meanwhile
  findings.restore(kept);
  if (kept.length) return select(findings.all[at] ?? findings.all.at(-1));
  const { tasks } = await model.first;
  if (recording !== mine || !tasks.includes("dense_caption")) return;
  const everything = findings.ask("dense_caption");
  select(selected ?? everything);
}

function close() {
  findings.about(null);
  player.unload();
  recording = null;
  select(null);
  visitOpening();
  leave();
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
        const next = sheet.neighbour(finding);
        findings.remove(finding);
        keep();
        (next?.querySelector(".status-title") ?? $("query")).focus();
      },
      analyseFirst: () => findings.again(finding, partFrom(0, total, most)),
      analyseFromPlayhead: () => findings.again(finding, partFrom(player.time, total, most)),
      analyseAroundPlayhead: () => findings.again(finding, partAround(player.time, total, most)),
    },
  });
}

function redraw(finding) {
  late.delete(finding);
  draw(finding);
  drawFilter();
  if (finding === selected || selected?.state === "failed") drawResult();
}

findings.addEventListener("change", ({ detail: finding }) => {
  const { state, problem } = finding;
  if (state === "listening") {
    if (late.add(finding).size === 1) requestAnimationFrame(() => late.forEach(redraw));
    return;
  }
  redraw(finding);
  if (state === "done") keep();
  if (problem?.slug === "unreachable") model.look();
  const beginsToWait = state === "waiting" && finding.waitS === Math.ceil(problem.retryAfter);
  if (state === "done" || state === "failed" || beginsToWait) announce(`${title(finding)}: ${outcome(finding)}`);
});
findings.addEventListener("remove", ({ detail: finding }) => {
  late.delete(finding);
  sheet.remove(finding);
  if (finding === selected) select(findings.all.at(-1) ?? null);
});
sheet.addEventListener("play", ({ detail: span }) => play(span));

offerAsking(about.limits.query_chars, (task, words) => select(findings.ask(task, words)));
$("close").addEventListener("click", close);
offerTransport(player, sheet);
offerFilter(() => select(selected));
listenToKeys({
  toggle: () => player.toggle(),
  seekBy: (seconds) => player.seek(player.time + seconds),
  seekTo: (seconds) => player.seek(seconds),
  step: (direction) => sheet.step(direction),
  zoom: (direction) => sheet.zoom(direction),
  stop: () => {
    const didPlay = player.isPlaying;
    player.pause();
    return findings.stopAll() || didPlay;
  },
});
followVisits(arrive);
