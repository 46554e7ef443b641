// Helpers to create elements. Text is always inserted as text, never as markup.

export const $ = (id) => document.getElementById(id);

/** element("td", { class: "time" }, "0:01.0"): omits attributes that are null or false. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (attribute.startsWith("on")) made.addEventListener(attribute.slice(2), value);
    else made.setAttribute(attribute, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Announces words to screen readers. */
export function announce(words) {
  $("announcer").textContent = words;
}
