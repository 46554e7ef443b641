// Ways to open a recording: drop, choose or paste a file, record, or use a bundled clip.

import { clock } from "./clock.js";
import { $, element, announce } from "./dom.js";
import { Microphone } from "./microphone.js";
import { Problem, problemFrom, problemOf } from "./problem.js";

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

/** Shows a problem in the current view; null removes it. */
export function showTrouble(problem) {
  const place = $("desk").hidden ? $("opening-trouble") : $("desk-trouble");
  for (const each of [$("opening-trouble"), $("desk-trouble")]) each.replaceChildren();
  if (!problem) return;
  place.replaceChildren(element("p", { class: "notice" }, element("strong", {}, `${problem.title}.`), " ", problem.detail));
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
  addEventListener("dragover", (event) => {
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
    event.preventDefault();
    receive(event, event.dataTransfer?.files);
  });
  addEventListener("paste", (event) => receive(event, event.clipboardData?.files));
}

function offerMicrophone(limits, bring) {
  let microphone = null;
  const show = (isOn) => {
    $("drop").hidden = isOn;
    $("recorder").hidden = !isOn;
  };
  const stop = async () => {
    const listening = microphone;
    microphone = null;
    if (!listening) return;
    const file = await listening.stop();
    show(false);
    bring(file, `recording ${new Date().toTimeString().slice(0, 8).replaceAll(":", "-")}.wav`);
  };
  $("record").addEventListener("click", async () => {
    showTrouble(null);
    show(true);
    const made = new Microphone();
    try {
      await made.start($("live"), limits.audio_seconds, (seconds) => ($("recorded").textContent = clock(seconds)), stop);
      microphone = made;
      $("stop-recording").focus();
      announce("Recording");
    } catch (problem) {
      show(false);
      showTrouble(problem);
    }
  });
  $("stop-recording").addEventListener("click", stop);
  $("drop-recording").addEventListener("click", () => {
    microphone?.discard();
    microphone = null;
    show(false);
    $("record").focus();
  });
}

/** Fetches a bundled clip. Throws a Problem. */
export async function clip(name) {
  try {
    const response = await fetch(`page/clips/${encodeURIComponent(name)}`);
    if (!response.ok) throw await problemOf(response);
    return await response.blob();
  } catch (error) {
    throw problemFrom(error);
  }
}

function clipButton({ file, title, about, seconds }, bring) {
  const open = async () => {
    try {
      bring(await clip(file), file, file);
    } catch (problem) {
      showTrouble(problem);
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
