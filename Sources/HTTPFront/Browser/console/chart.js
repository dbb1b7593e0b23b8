// A small chart of one rate over the last minutes.
import { h } from "./dom.js";
import { duration, number } from "./format.js";
import { words } from "./words.js";

const space = "http://www.w3.org/2000/svg";
const part = (name, properties) => {
  const made = document.createElementNS(space, name);
  for (const [key, value] of Object.entries(properties)) made.setAttribute(key, value);
  return made;
};

/** `values` are per second, the oldest first, null where nothing is known; there is room for `room` of them. */
export function chart(name, values, interval, room) {
  const known = values.filter((value) => value !== null);
  const most = Math.max(1, ...known);
  const now = values.at(-1) ?? null;
  const svg = part("svg", { viewBox: `0 0 ${room} 40`, preserveAspectRatio: "none", role: "img",
    "aria-label": words.chartLabel(name, now === null ? "–" : number(now), known.length ? number(most) : "–") });
  const x = (index) => room - values.length + index + 1;
  const y = (value) => 39 - (value / most) * 37;
  for (const run of runs(values)) {
    const points = run.map(([index, value]) => `${x(index)},${y(value).toFixed(2)}`);
    svg.append(part("path", { class: "area", d: `M${x(run[0][0])},39 L${points.join(" L")} L${x(run.at(-1)[0])},39 Z` }));
    svg.append(part("path", { class: "stroke", d: `M${points.join(" L")}` }));
  }
  svg.append(part("line", { class: "base", x1: 0, x2: room, y1: 39.5, y2: 39.5 }));
  return h("figure.card.chart", {},
    h("h2", {}, name),
    h("p.now", {}, now === null ? "–" : number(now), " ", h("small", {}, words.perSecond)),
    svg,
    h("p.scale", { "aria-hidden": "true" }, h("span", {}, `−${duration(room * interval)}`), h("span", {}, `max ${known.length ? number(most) : "–"}`)));
}

/** Stretches without a gap, as `[index, value]`. */
function runs(values) {
  const found = [];
  let run = [];
  values.forEach((value, index) => {
    if (value === null) { if (run.length) found.push(run); run = []; } else run.push([index, value]);
  });
  if (run.length) found.push(run);
  return found;
}
