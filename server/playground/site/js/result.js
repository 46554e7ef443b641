// The selected finding below the timeline: its table, downloads and request code.

import { written } from "./api.js";
import { $, element, announce } from "./dom.js";
import { shownAnswer } from "./filter.js";
import { problemFrom } from "./problem.js";
import { curl, python } from "./snippets.js";
import { found, outcome, title } from "./status.js";
import { drawTable } from "./table.js";

const HINTS = {
  json: "the answer itself",
  verbose_json: "like OpenAI",
  srt: "subtitles",
  vtt: "web subtitles",
  tsv: "DCASE, sed_eval",
  audacity: "label track",
  rttm: "diarisation tools",
  jams: "music research",
  textgrid: "Praat",
  "label-studio": "annotation",
};

export class Result {
  #finding = null;
  #name = "";
  #language = curl;
  #needsKey;
  #play;

  /** Calls `play(span)` when a row is chosen. `about` is the server's /page/about.json. */
  constructor(play, { formats, needs_key: needsKey }) {
    this.#play = play;
    this.#needsKey = needsKey;
    $("formats").replaceChildren(...formats.map((format) => this.#formatButton(format)));
    const tabs = [[$("as-curl"), curl], [$("as-python"), python]];
    for (const [tab, language] of tabs) {
      tab.addEventListener("click", () => this.#show(language, tab, tabs));
      tab.addEventListener("keydown", ({ key }) => {
        if (key !== "ArrowLeft" && key !== "ArrowRight") return;
        const [other, its] = tabs.find(([candidate]) => candidate !== tab);
        this.#show(its, other, tabs);
        other.focus();
      });
    }
    $("copy").addEventListener("click", () => this.#copy());
  }

  /** Shows a finding of the recording `name`; null hides the result. */
  draw(finding, name) {
    this.#finding = finding;
    this.#name = name;
    const isFailed = finding?.state === "failed"; // its status line in the timeline shows the error
    $("result").hidden = finding === null || (isFailed && !finding.good);
    if ($("result").hidden) return;
    $("result-title").textContent = title(finding);
    this.#showAbout();
    const warnings = finding.answer?.audio?.warnings ?? [];
    $("result-warnings").hidden = warnings.length === 0;
    $("result-warnings").textContent = warnings.join(" ");
    drawTable(finding, this.#play);
    const isWhole = finding.state === "done" || isFailed;
    for (const button of $("formats").querySelectorAll("button")) button.disabled = !isWhole;
    this.#showCode();
  }

  #showAbout() {
    const finding = this.#finding;
    const isPrevious = finding.state === "failed";
    $("result-about").textContent = isPrevious ? `${found(finding)} · previous answer` : outcome(finding) + took(finding);
  }

  #showCode() {
    $("code").textContent = this.#language(this.#finding, this.#name, this.#needsKey);
  }

  #show(language, tab, tabs) {
    this.#language = language;
    for (const [other] of tabs) {
      other.setAttribute("aria-selected", String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
    }
    $("snippet").setAttribute("aria-labelledby", tab.id);
    this.#showCode();
  }

  #formatButton({ name, suffix }) {
    const save = () => this.#save(name, suffix);
    const hint = element("span", { class: "hint" }, HINTS[name] ?? "");
    return element("li", {}, element("button", { type: "button", "data-format": name, onclick: save }, name, hint));
  }

  async #save(format, suffix) {
    const finding = this.#finding; // others may be selected before the file is there
    const { task, answer } = finding;
    const name = this.#name.replace(/\.[^.]+$/, "") + suffix;
    try {
      const blob = await written(format, task, shownAnswer(task, answer), this.#name);
      const url = URL.createObjectURL(blob);
      element("a", { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
      announce(`Saved ${name}`);
      if (this.#finding === finding) this.#showAbout(); // instead of an earlier error
    } catch (error) {
      const words = `${name} was not saved. ${problemFrom(error).detail}`;
      announce(words);
      if (this.#finding === finding) $("result-about").textContent = words;
    }
  }

  async #copy() {
    const text = $("code").textContent;
    try {
      await navigator.clipboard.writeText(text);
      $("copy").textContent = "Copied";
      announce("Copied");
    } catch {
      // Not allowed, or not https: select the code for Ctrl+C.
      getSelection().selectAllChildren($("code"));
      $("copy").textContent = "Selected";
    }
    setTimeout(() => ($("copy").textContent = "Copy"), 1500);
  }
}

function took({ state, answer }) {
  if (state !== "done" || !answer.timing) return "";
  return ` · ${answer.model} took ${answer.timing.total_s.toFixed(2)} s for ${answer.audio.duration.toFixed(1)} s of audio`;
}
