// Who did what.
import { h } from "./dom.js";
import { time } from "./format.js";
import { list } from "./table.js";
import { words } from "./words.js";

const standings = ["new", "known", "banned"];

/** Details in words; what has changed is told with what stood there before. */
function details({ old, new: now, before, after, ...rest }) {
  const told = [];
  if (after !== undefined) told.push(change(standings[before] ?? before, standings[after] ?? after));
  for (const [name, value] of Object.entries(now ?? {})) told.push(`${words.field(name)} ${change(old?.[name], value)}`);
  for (const [name, value] of Object.entries(rest)) told.push(...flat(words.field(name), value));
  return told.join(" · ");
}

const change = (before, after) => (before === undefined || before === null ? shown(after) : `${shown(before)} → ${shown(after)}`);

const shown = (value) => (value === null || value === "" ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value));

const flat = (name, value) => (value !== null && typeof value === "object"
  ? Object.entries(value).flatMap(([part, inner]) => flat(`${name} ${words.field(part)}`, inner)) : [`${name} ${shown(value)}`]);

export async function show({ place, signal, fail }) {
  const action = h("input", { id: "filter-action", autocomplete: "off", spellcheck: false, placeholder: "user.ban" });
  const subject = h("input", { id: "filter-subject", autocomplete: "off", spellcheck: false });
  const form = h("form.filters", { role: "search", "aria-label": "Audit log" },
    h("div.field", {}, h("label", { htmlFor: "filter-action" }, "Action"), action),
    h("div.field", {}, h("label", { htmlFor: "filter-subject" }, "Done to"), subject),
    h("button.primary", { type: "submit" }, "Filter"));
  place.append(h("div.head", {}, h("h1", {}, "Audit log")), form);
  const read = list({
    place, label: "Audit log", signal, fail,
    path: () => {
      const query = new URLSearchParams();
      if (action.value.trim()) query.set("action", action.value.trim());
      if (subject.value.trim()) query.set("subject", subject.value.trim());
      return `/audit${query.size ? `?${query}` : ""}`;
    },
    columns: [["When", "keep"], ["Who"], ["What"], ["To", "long"], ["Details", "long"]],
    row: (row) => [
      time(row.created_at), row.actor, h("strong", {}, row.action), h("code", {}, row.subject),
      h("span.small", {}, details(row.details ?? {})),
    ],
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); read(); });
  await read.started;
}
