// The forms and buttons that ask about the recording.

/** Calls `ask(task, words)` for each request; `most` is the greatest number of characters of its words. */
export function offerAsking(most, ask) {
  for (const form of document.querySelectorAll("form[data-task]")) {
    const input = form.querySelector("input");
    input.maxLength = most;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (input.value.trim()) ask(form.dataset.task, input.value.trim());
      input.value = "";
      input.focus();
    });
  }
  for (const button of document.querySelectorAll("button[data-task]")) {
    button.addEventListener("click", () => ask(button.dataset.task));
  }
}
