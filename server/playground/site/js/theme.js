// The theme: the system's, unless the user chooses one; the choice is stored.

const ORDER = ["system", "light", "dark"];
const system = matchMedia("(prefers-color-scheme: dark)");

/** Makes `button` cycle through the themes. Calls `changed` when colours change. */
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
      // Storage is blocked: the choice lasts until the page is closed.
    }
    show();
  });
  system.addEventListener("change", show);
  show();
}

/** Returns the current colour of a custom property, in a form that canvases accept. */
export function colour(property) {
  const probe = document.createElement("span");
  probe.hidden = true;
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
