// Ways to open a recording: drop, choose or paste a file, record, or use a bundled clip.

import { BASE } from "./api.js";
import { clock } from "./clock.js";
import { $, element, announce } from "./dom.js";
import { Microphone } from "./microphone.js";
import { Problem, problemFrom, problemOf } from "./problem.js";
import { showTrouble } from "./views.js";

const WAV_BYTES_PER_S = 32000; // what the microphone records, see wav.js
const FORM_BYTES = 1000; // of a request, besides the recording

let turn = 0; // counts what the user opens or discards: what an earlier choice brings later is dropped
let microphone = null;

/** Calls `take(file, name, clip)` with each recording; `clip` is the name of a bundled one. `about` is the server's /page/about.json. */
export function offerWays(about, take) {
  const bring = (file, name = file.name, clip = null) => {
    const problem = refusal(file, about.limits);
    showTrouble(problem);
    if (!problem) take(file, name, clip);
  };
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    if ($("file").files.length) bring($("file").files[0]);
    $("file").value = ""; // the same file may be chosen again
  });
  offerDrop(bring);
  offerMicrophone(about.limits, bring);
  $("clips").replaceChildren(...about.clips.map((clip) => clipButton(clip, bring)));
  $("opening-limit").textContent += `, up to ${clock(about.limits.audio_seconds).replace(/\.0$/, "")} at a time`;
}

function refusal({ size }, { upload_bytes: most }) {
  const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  if (size === 0) {
    return new Problem({ slug: "empty", title: "The file is empty", detail: "Choose another file." });
  }
  if (size > most) {
    const detail = `It has ${mebibytes(size)}; the limit is ${mebibytes(most)}. Convert it to flac or mp3, or cut it.`;
    return new Problem({ slug: "too-large", title: "The file is too large", detail });
  }
  return null;
}

function offerDrop(bring) {
  const root = document.documentElement;
  const isFile = (event) => event.dataTransfer?.types.includes("Files"); // not words, which may go into a field
  addEventListener("dragover", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    root.classList.add("dragging");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) root.classList.remove("dragging");
  });
  const receive = (event, files) => {
    root.classList.remove("dragging");
    if (!files?.length) return;
    event.preventDefault();
    bring(files[0]);
  };
  addEventListener("drop", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    receive(event, event.dataTransfer.files);
  });
  addEventListener("paste", (event) => receive(event, event.clipboardData?.files));
}

/** Turns the microphone off, and drops its recording and any clip that has not arrived. */
export function leaveOpening() {
  turn++;
  microphone?.discard();
  microphone = null;
  showRecorder(false);
}

function showRecorder(isOn) {
  $("drop").hidden = isOn;
  $("recorder").hidden = !isOn;
}

function offerMicrophone(limits, bring) {
  const most = Math.min(limits.audio_seconds, (limits.upload_bytes - FORM_BYTES) / WAV_BYTES_PER_S);
  const discard = (problem = null) => {
    leaveOpening();
    showTrouble(problem);
    $("record").focus();
  };
  const stop = async () => {
    const listening = microphone;
    if (!listening) return; // stopped before, and still being converted
    if (!listening.isOn) return discard(); // the browser still asks for permission
    microphone = null;
    const mine = ++turn;
    const file = await listening.stop().catch(() => null);
    if (!microphone) showRecorder(false); // no other recording has begun
    if (turn !== mine) return;
    if (!file) return discard(UNUSABLE);
    bring(file, `recording ${new Date().toTimeString().slice(0, 8).replaceAll(":", "-")}.wav`);
  };
  $("record").addEventListener("click", async () => {
    leaveOpening();
    showTrouble(null);
    showRecorder(true);
    const made = new Microphone();
    microphone = made; // before the browser asks for permission: it may be discarded meanwhile
    try {
      await made.start($("live"), most, (seconds) => ($("recorded").textContent = clock(seconds)), stop);
      if (microphone !== made) return made.discard();
      $("stop-recording").focus();
      announce("Recording");
    } catch (problem) {
      if (microphone === made) discard(problem);
    }
  });
  $("stop-recording").addEventListener("click", stop);
  $("drop-recording").addEventListener("click", () => discard());
}

const UNUSABLE = new Problem({
  slug: "recording",
  title: "The recording cannot be used",
  detail: "It is too short, or this browser cannot convert it. Record again.",
});

/** Fetches a bundled clip. Throws a Problem. */
export async function clip(name) {
  try {
    const response = await fetch(`${BASE}page/clips/${encodeURIComponent(name)}`);
    if (!response.ok) throw await problemOf(response);
    return await response.blob();
  } catch (error) {
    throw problemFrom(error);
  }
}

function clipButton({ file, title, about, seconds }, bring) {
  const open = async () => {
    const mine = ++turn;
    try {
      const body = await clip(file);
      if (turn === mine) bring(body, file, file);
    } catch (problem) {
      if (turn === mine) showTrouble(problem);
    }
  };
  return element(
    "li",
    {},
    element(
      "button",
      { type: "button", onclick: open },
      element("span", { class: "clip-title" }, title),
      element("span", { class: "clip-about" }, about),
      element("span", { class: "clip-length" }, clock(seconds)),
    ),
  );
}
