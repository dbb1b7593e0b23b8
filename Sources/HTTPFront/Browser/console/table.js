// Lists with cursor pages, drawn as tables.
import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { words } from "./words.js";

/** A table; `columns` are `[title, class]`, rows are lists of cells. */
export function table(label, columns, rows) {
  return h("div.wide", { tabIndex: 0, role: "region", "aria-label": label },
    h("table", {}, h("caption.hide-text", {}, label),
      h("thead", {}, h("tr", {}, columns.map(([title, kind]) => h("th", { scope: "col", className: kind ?? "" }, title || h("span.hide-text", {}, words.actions))))),
      h("tbody", {}, rows)));
}

export const tr = (columns, cells) =>
  h("tr", {}, cells.map((cell, index) => h("td", { className: columns[index][1] ?? "", "data-title": columns[index][0] }, cell ?? "–")));

/** Shows the list at `path`; `row(item)` makes the cells. Returns a function that reads it anew. */
export function list({ place, path, label, columns, row, empty, signal, fail, shown }) {
  const holder = h("div", { "aria-busy": "true" }, h("p.bone", {}, words.loading));
  place.append(holder);
  let turn = 0;

  async function read() {
    const mine = (turn += 1);
    const body = h("tbody", {});
    let cursor = null;
    const more = h("button", { type: "button" }, words.loadMore);
    const foot = h("div.more", {}, more);

    async function page() {
      more.disabled = true;
      try {
        const from = path();
        const answer = await get(`${from}${from.includes("?") ? "&" : "?"}limit=50${cursor ? `&cursor=${cursor}` : ""}`, { signal });
        if (mine !== turn || signal.aborted) return;
        cursor = answer.next_cursor;
        body.append(...answer.data.map((item) => tr(columns, row(item))));
        foot.hidden = !cursor;
        shown?.(answer);
        if (!holder.contains(body)) {
          if (!answer.data.length && !cursor) return fill(holder, h("p.empty", {}, empty ?? words.nothing));
          const made = table(label, columns, []);
          made.querySelector("tbody").replaceWith(body);
          fill(holder, made, foot);
        }
      } catch (error) {
        if (mine === turn && !signal.aborted) fail(error);
      } finally {
        more.disabled = false;
      }
    }
    more.addEventListener("click", page);
    await page();
  }

  const started = read();
  return Object.assign(read, { started });
}
