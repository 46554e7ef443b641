// Applies the stored theme before the first paint. The rest is in theme.js.
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is blocked: use the system's theme.
}
