// The event table.
import { h } from "./dom.js";
import { amount, shortId, time } from "./format.js";
import { list } from "./table.js";
import { words } from "./words.js";

export const eventColumns = [["Recorded", "keep"], ["Type"], ["Person"], ["Occurred", "keep"], ["Details", "long"], ["Event", "keep"]];

export const eventRow = (event) => [
  time(event.recorded_at), h("strong", {}, event.event_type),
  h("a", { href: `#/person/${event.user_id}`, title: event.user_id }, shortId(event.user_id)), time(event.timestamp),
  h("span.small", {}, details(event.event_data ?? {})),
  shortId(event.id),
];

/** What an event carries besides, without what only machines need. */
function details(data) {
  if (data.completion) return `${words.completion(data.completion)} · ${amount(data.reward_qty, data.reward_item)}${data.auto_claim ? ` · ${words.autoClaimed}` : ""}`;
  return Object.entries(data).map(([key, value]) => `${key.replaceAll("_", " ")} ${String(value).length > 20 ? `…${String(value).slice(-8)}` : value}`).join(" · ");
}

export async function show({ place, rest, signal, fail }) {
  const person = h("input", { id: "filter-person", autocomplete: "off", spellcheck: false, placeholder: "UUID", value: rest });
  const type = h("input", { id: "filter-type", autocomplete: "off", spellcheck: false, placeholder: "UserSignIn" });
  const from = h("input", { id: "filter-from", type: "datetime-local", step: 1 });
  const before = h("input", { id: "filter-before", type: "datetime-local", step: 1 });
  const field = (input, title, kind = "") => h("div", { className: `field ${kind}` }, h("label", { htmlFor: input.id }, title), input);
  const form = h("form.filters", { role: "search", "aria-label": words.events },
    field(person, "Person", "person"), field(type, "Type"), field(from, "Recorded from"), field(before, "Recorded before"),
    h("button.primary", { type: "submit" }, "Filter"));
  place.append(h("div.head", {}, h("h1", {}, words.events)), form);
  const path = () => {
    const query = new URLSearchParams();
    if (person.value.trim()) query.set("user_id", person.value.trim());
    if (type.value.trim()) query.set("type", type.value.trim());
    if (from.value) query.set("recorded_from", new Date(from.value).toISOString());
    if (before.value) query.set("recorded_before", new Date(before.value).toISOString());
    return `/events${query.size ? `?${query}` : ""}`;
  };
  const read = list({ place, path, label: words.events, columns: eventColumns, row: eventRow, empty: words.filtered, signal, fail });
  form.addEventListener("submit", (event) => { event.preventDefault(); read(); });
  await read.started;
}
