// Connects the parts of the page. Each part is its own file and knows only the parts that it is given.

import { read } from "./api.js";
import { clock } from "./clock.js";
import { $, say } from "./dom.js";
import { Findings } from "./findings.js";
import { listenToKeys } from "./keys.js";
import { waitForModel } from "./model.js";
import { offerWays, showTrouble } from "./opening.js";
import { Player } from "./player.js";
import { Result } from "./result.js";
import { Sheet } from "./sheet.js";
import { drawStatus, outcome, title } from "./status.js";
import { offerThemes } from "./theme.js";
import { offerTips } from "./tip.js";

const player = new Player($("waveform"));
const sheet = new Sheet(player);
const findings = new Findings();
offerThemes($("theme"), () => player.recolour());
offerTips();

const about = await read("page/about.json");
const play = (span) => player.playSpan(span);
const result = new Result(play, about.formats);
const model = waitForModel();
let recording = null;
let selected = null;

offerWays(about, open);

async function open(file, name) {
  recording = { file, name };
  const mine = recording;
  showTrouble(null);
  findings.about(recording);
  $("opening").hidden = true;
  $("desk").hidden = false;
  $("name").textContent = name;
  document.title = `${name} · TimeAudio`;
  const seconds = await player.load(file);
  if (recording !== mine) return;
  recording.seconds = seconds;
  $("unseen").hidden = seconds !== null;
  $("about").textContent = `${seconds === null ? "" : `${clock(seconds)} · `}${size(file.size)}`;
  sheet.begin(seconds ?? 1);
  scrollTo({ top: 0 });
  $("play").focus({ preventScroll: true });
  const { tasks } = await model;
  if (recording === mine && tasks.includes("dense_caption")) select(findings.ask("dense_caption"));
}

function close() {
  findings.about(null);
  player.unload();
  recording = null;
  select(null);
  showTrouble(null);
  $("desk").hidden = true;
  $("opening").hidden = false;
  document.title = "TimeAudio";
  $("choose").focus();
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function select(finding) {
  selected = finding;
  findings.all.forEach(draw);
  result.draw(finding, recording?.name ?? "");
}

function draw(finding) {
  // If the browser could not determine the recording's duration, the server's answer holds it.
  const told = finding.answer?.audio;
  if (recording.seconds === null && told) {
    recording.seconds = told.start + told.duration;
    sheet.begin(recording.seconds);
    findings.all.forEach(draw);
    return;
  }
  drawStatus(sheet.draw(finding), finding, {
    isSelected: finding === selected,
    limits: about.limits,
    can: {
      select: () => select(finding),
      stop: () => findings.stop(finding),
      again: () => findings.again(finding),
      remove: () => findings.remove(finding),
      hearPart: (start, end) => findings.again(finding, { start, end }),
      hearFromPlayhead: () => {
        const start = Math.round(player.time * 10) / 10;
        const end = Math.min(recording.seconds ?? Infinity, start + about.limits.audio_seconds);
        findings.again(finding, { start, end: Math.round(end * 10) / 10 });
      },
    },
  });
}

findings.addEventListener("change", ({ detail: finding }) => {
  draw(finding);
  if (finding === selected) result.draw(finding, recording.name);
  if (finding.state === "done" || finding.state === "failed") say(`${title(finding)}: ${outcome(finding)}`);
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
