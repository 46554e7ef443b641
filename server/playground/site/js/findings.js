// The requests about the recording, and their answers so far.
//
// A finding is { id, task, words, part, tried, state, progress, answer, problem, waitS, good }: `words` is the query or
// question, `part` the part of the recording, null for all of it, and `tried` the part of the last request. `good` is the
// last complete { answer, part }, which a request that fails or is stopped leaves in place. States: listening (`progress`
// as in api.js, or null), waiting (the server is busy; the next attempt is in `waitS` seconds), done, failed, stopped.

import { analyse } from "./api.js";
import { GROWING } from "./spans.js";

const MOST_TRIES = 20;

/** Returns the fields of a request, except the recording, as [name, value]. */
export function fieldsOf({ task, words, part }) {
  const fields = [];
  if (task === "ground") fields.push(["query", words]);
  if (task === "ask") fields.push(["question", words]);
  if (part) fields.push(["start", String(part.start)], ["end", String(part.end)]);
  return fields;
}

/** Dispatches "change" and "remove" with the finding as `detail`. */
export class Findings extends EventTarget {
  #recording = null;
  #all = [];
  #number = 0;

  /** Stops and removes all findings, and switches to another recording. */
  about(recording) {
    for (const finding of [...this.#all]) this.remove(finding);
    this.#recording = recording;
  }

  get all() {
    return this.#all;
  }

  /** Starts a request; repeats an earlier one with the same task and words. */
  ask(task, words = "", part = null) {
    const before = this.#all.find((finding) => finding.task === task && finding.words === words);
    const finding = before ?? this.#add({ task, words });
    this.again(finding, part);
    return finding;
  }

  /** Adds findings as `good` ones, without a request. */
  restore(kept) {
    for (const { task, words, part, answer } of kept) {
      const finding = this.#add({ task, words, part, tried: part, good: { answer, part } });
      this.#set(finding, { state: "done", answer, problem: null });
    }
  }

  #add(parts) {
    const finding = { id: ++this.#number, good: null, stopper: new AbortController(), ...parts };
    this.#all.push(finding);
    return finding;
  }

  stop(finding) {
    finding.stopper.abort();
  }

  /** Stops all running requests. Returns whether there were any. */
  stopAll() {
    const running = this.#all.filter(({ state }) => state === "listening" || state === "waiting");
    running.forEach((finding) => this.stop(finding));
    return running.length > 0;
  }

  again(finding, part = finding.tried) {
    finding.stopper.abort();
    finding.part = finding.tried = part;
    finding.stopper = new AbortController();
    this.#run(finding);
  }

  remove(finding) {
    this.#all = this.#all.filter((other) => other !== finding);
    finding.stopper.abort();
    this.dispatchEvent(new CustomEvent("remove", { detail: finding }));
  }

  async #run(finding) {
    const { stopper, part } = finding;
    const { signal } = stopper;
    try {
      for (let tries = 1; ; tries++) {
        try {
          this.#set(finding, { state: "listening", progress: null, answer: GROWING[finding.task].empty(), problem: null });
          const answer = await this.#request(finding, signal);
          this.#set(finding, { state: "done", answer, good: { answer, part } });
          return;
        } catch (error) {
          if (!error.isBusy || tries === MOST_TRIES) throw error;
          await this.#wait(finding, error, signal);
        }
      }
    } catch (error) {
      if (finding.stopper !== stopper) return; // repeated meanwhile
      const { good } = finding;
      if (!signal.aborted) this.#set(finding, { state: "failed", problem: error, ...good });
      else this.#set(finding, good ? { state: "done", ...good } : { state: "stopped" });
    }
  }

  #request(finding, signal) {
    const { file, name } = this.#recording;
    const onPiece = (piece) => {
      if (signal.aborted) return;
      GROWING[finding.task].join(finding.answer, piece);
      this.#set(finding, {});
    };
    const onProgress = (progress) => {
      if (!signal.aborted) this.#set(finding, { progress });
    };
    return analyse(finding.task, file, name, fieldsOf(finding), { onPiece, onProgress, signal });
  }

  async #wait(finding, problem, signal) {
    for (let waitS = Math.ceil(problem.retryAfter); waitS > 0; waitS--) {
      this.#set(finding, { state: "waiting", problem, waitS });
      await new Promise((resolve) => setTimeout(resolve, 1000));
      signal.throwIfAborted();
    }
  }

  #set(finding, changes) {
    Object.assign(finding, changes);
    if (this.#all.includes(finding)) this.dispatchEvent(new CustomEvent("change", { detail: finding }));
  }
}
