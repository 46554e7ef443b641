// Shows the loaded model's name, and only the tasks that it was trained for.

import { loadedModel } from "./api.js";
import { $ } from "./dom.js";

const LOOK_AGAIN_S = 3;

/** Waits for the model and returns it; shows the status meanwhile. */
export async function waitForModel() {
  for (;;) {
    try {
      const model = await loadedModel();
      show(model.id, "ready");
      for (const each of document.querySelectorAll("[data-task]")) each.hidden = !model.tasks.includes(each.dataset.task);
      return model;
    } catch (problem) {
      show(problem.isBusy ? "The model is loading …" : `${problem.title}.`, "away");
      const waitS = problem.retryAfter ?? LOOK_AGAIN_S;
      await new Promise((resolve) => setTimeout(resolve, waitS * 1000));
    }
  }
}

function show(words, state) {
  if ($("model").textContent !== words) $("model").textContent = words;
  $("model").dataset.state = state;
}
