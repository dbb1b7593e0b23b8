// Dead letters: what could not be recorded.
import { ask } from "./api.js";
import { h } from "./dom.js";
import { number, time } from "./format.js";
import { confirmed } from "./session.js";
import { list } from "./table.js";
import { words } from "./words.js";

export async function show({ place, signal, fail, say }) {
  place.append(h("div.head", {}, h("h1", {}, "Dead letters")));
  const act = async (work, text) => {
    try {
      await work();
      await read();
      say(text);
    } catch (error) {
      fail(error);
    }
  };
  const read = list({
    place, label: "Dead letters", path: () => "/dead-letters", empty: words.noLetters, signal, fail,
    columns: [["Failed", "keep"], ["Error", "long"], ["Deliveries", "number"], ["Fields", "long"], ["", "actions"]],
    row: (letter) => [
      letter.failed_at ? time(letter.failed_at) : null,
      h("div", {}, letter.error, h("div.small", {}, `${letter.source} ${letter.source_id}`)), number(letter.deliveries),
      h("pre.fields", {}, Object.entries(letter.fields).map(([name, value]) => `${name} ${value}`).join("\n")),
      h("span", {},
        h("button.slim", { type: "button", "aria-label": `${words.retry} ${letter.id}`, onclick: async () => {
          if (await confirmed(words.confirmRetry(letter.id), words.retry, { danger: false })) act(() => ask("POST", `/dead-letters/${letter.id}/retry`), words.retried);
        } }, words.retry), " ",
        h("button.slim.danger", { type: "button", "aria-label": `${words.drop} ${letter.id}`, onclick: async () => {
          if (await confirmed(words.confirmDrop(letter.id), words.drop)) act(() => ask("DELETE", `/dead-letters/${letter.id}`), words.dropped);
        } }, words.drop)),
    ],
  });
  await read.started;
}
