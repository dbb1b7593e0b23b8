// Who did what.
import { h } from "./dom.js";
import { time } from "./format.js";
import { list } from "./table.js";

/** Details in words; what stood there before and after is told member by member. */
function details(value, within = "") {
  return Object.entries(value).map(([name, part]) => {
    const title = `${within}${name.replaceAll("_", " ")}`;
    return part !== null && typeof part === "object" ? details(part, `${title} `) : `${title} ${part}`;
  }).join(" · ");
}

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
      h("span.small", {}, details(row.details)),
    ],
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); read(); });
  await read.started;
}
