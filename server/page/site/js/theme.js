// The theme: the system's, until one is chosen; the choice is remembered.

const ORDER = ["system", "light", "dark"];
const system = matchMedia("(prefers-color-scheme: dark)");

/** Makes `button` go through the themes. `changed` is called whenever colours are other ones. */
export function offerThemes(button, changed) {
  const show = () => {
    const theme = document.documentElement.dataset.theme ?? "system";
    button.textContent = { system: "Auto", light: "Light", dark: "Dark" }[theme];
    button.setAttribute("aria-label", `Theme: ${theme}`);
    changed();
  };
  button.addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme ?? "system";
    const next = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // Not remembered, then.
    }
    show();
  });
  system.addEventListener("change", show);
  show();
}

/** The colour that a custom property stands for now, as canvases take it. */
export function colour(property) {
  const probe = document.createElement("span");
  probe.hidden = true;
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
