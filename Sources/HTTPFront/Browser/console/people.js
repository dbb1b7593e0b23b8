// Accounts, found by the beginning of their names or by id.
import { h } from "./dom.js";
import { number, shortId } from "./format.js";
import { list } from "./table.js";
import { words } from "./words.js";

const id = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const standingOf = (user) => [
  user.status === 2 && h("span.badge", { "data-kind": "bad" }, words.banned),
  user.role === "admin" && h("span.badge", { "data-kind": "accent" }, words.admin),
].filter(Boolean);

export async function show({ place, signal, fail }) {
  const search = h("input", { id: "search", type: "search", autocomplete: "off", spellcheck: false });
  const form = h("form.filters", { role: "search", "aria-label": "People" },
    h("div.field.person", {}, h("label", { htmlFor: "search" }, "Beginning of a name, or an id"), search),
    h("button.primary", { type: "submit" }, "Find"));
  const count = h("span.soft", {});
  place.append(h("div.head", {}, h("h1", {}, "People"), count), form);
  const read = list({
    place, label: "People", signal, fail,
    path: () => `/users${search.value.trim() ? `?user_name=${encodeURIComponent(search.value.trim())}` : ""}`,
    columns: [["Name"], ["Standing"], ["Gold", "number"], ["Diamonds", "number"], ["Id", "keep"]],
    row: (user) => [
      h("a", { href: `#/person/${user.user_id}` }, user.user_name ?? words.unnamed), h("span", {}, ...standingOf(user)),
      number(user.gold), number(user.diamond), shortId(user.user_id),
    ],
    shown: (answer) => { count.textContent = number(answer.count); },
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = search.value.trim();
    if (id.test(text)) location.hash = `#/person/${text.toLowerCase()}`; else read();
  });
  await read.started;
}
