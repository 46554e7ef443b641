// Shows the loaded model's name and whether the server answers, and only the tasks that the model was trained for.

import { loadedModel, read } from "./api.js";
import { $ } from "./dom.js";

const LOOK_AGAIN_S = 5;
const PATIENCE_MS = 4000; // a server that hangs counts as gone

/**
 * Watches the server as long as the page is open. Returns { first, look }: `first` is a promise of the loaded model,
 * and `look()` looks at once, for example after a request that failed.
 */
export function watchModel() {
  let look = () => {};
  let loaded = () => {};
  const first = new Promise((resolve) => (loaded = resolve));
  for (const event of ["online", "offline"]) addEventListener(event, () => look());
  (async () => {
    for (let model = null; ; ) {
      let waitS = LOOK_AGAIN_S;
      try {
        model = await current(model);
        loaded(model);
      } catch (problem) {
        model = null;
        show(problem.isBusy ? "The model is loading …" : `${problem.title}.`, "away");
        waitS = problem.retryAfter ?? LOOK_AGAIN_S;
      }
      await new Promise((resolve) => {
        look = resolve;
        setTimeout(resolve, waitS * 1000);
      });
      if (document.hidden) await new Promise((resolve) => addEventListener("visibilitychange", resolve, { once: true }));
    }
  })();
  return { first, look: () => look() };
}

/** Returns the loaded model, which was `known` a moment ago. Throws a Problem. */
async function current(known) {
  const patience = () => AbortSignal.timeout(PATIENCE_MS);
  if (known && (await read("readyz", patience())).model === known.id) return known; // unlike v1/models, not a line of the server's log
  const model = await loadedModel(patience());
  for (const each of document.querySelectorAll("[data-task]")) each.hidden = !model.tasks.includes(each.dataset.task);
  show(model.id, "ready");
  return model;
}

function show(words, state) {
  if ($("model").textContent !== words) $("model").textContent = words;
  $("model").dataset.state = state;
}
