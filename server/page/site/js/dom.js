// The little that the page needs to make elements. Text is always text, never markup.

export const $ = (id) => document.getElementById(id);

/** element("td", { class: "time" }, "0:01.0"): attributes that are null or false are left out. */
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

/** Tells those who listen. */
export function say(words) {
  $("said").textContent = words;
}
