// Building elements. Text is always text: nothing that came from anybody is ever read as HTML.

/** An element with properties, `data-` and `aria-` attributes, listeners (`onclick`) and children. */
export function h(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && !key.includes("-") && key !== "list") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const $ = (id) => document.getElementById(id);

/** Shows text in an element that is hidden without one. */
export function tell(element, text, kind) {
  element.textContent = text ?? "";
  element.hidden = !text;
  if (kind) element.dataset.kind = kind;
}

/** Replaces what is in `place`, and keeps the focus on the element with the same `data-key`. */
export function fill(place, ...children) {
  const key = place.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  place.replaceChildren(...children.flat().filter(Boolean));
  place.removeAttribute("aria-busy");
  if (key) place.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

const shapes = {
  gold: ["M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Z", "M12 6.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11Z"],
  diamond: ["M6.5 3.5h11L22 9.2 12 21.5 2 9.2z", "M8.3 9.2 12 4.6l3.7 4.6L12 17z"],
};

/** The sign of gold or diamonds, for eyes only. */
export function coin(item) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "coin");
  svg.setAttribute("data-item", item);
  svg.setAttribute("aria-hidden", "true");
  for (const [index, d] of (shapes[item] ?? shapes.diamond).entries()) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", d);
    path.setAttribute("fill", "currentColor");
    path.setAttribute("fill-opacity", index ? ".55" : "1");
    if (index) path.setAttribute("fill", "Canvas");
    svg.append(path);
  }
  return svg;
}
