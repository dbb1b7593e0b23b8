// API keys.
import { ask } from "./api.js";
import { fill, h, tell } from "./dom.js";
import { shortId, time } from "./format.js";
import { confirmed } from "./session.js";
import { list } from "./table.js";
import { words } from "./words.js";

export async function show({ place, signal, fail, say }) {
  place.append(h("div.head", {}, h("h1", {}, "API keys"),
    h("div.end", {}, h("button.primary", { type: "button", onclick: () => make() }, words.newKey))));
  const read = list({
    place, label: "API keys", path: () => "/api-keys", empty: words.noKeys, signal, fail,
    columns: [["Name"], ["Made", "keep"], ["By"], ["State"], ["Id", "keep"], ["", "actions"]],
    row: (key) => [
      h("strong", {}, key.name), time(key.created_at),
      key.created_by ? h("a", { href: `#/person/${key.created_by}` }, shortId(key.created_by)) : "command line",
      key.revoked_at ? h("span.badge", {}, "revoked ", time(key.revoked_at)) : h("span.badge", { "data-kind": "good" }, "in force"), shortId(key.key_id),
      key.revoked_at ? "" : h("button.slim.danger", { type: "button", "aria-label": `${words.revoke} ${key.name}`, onclick: () => revoke(key) }, words.revoke),
    ],
  });

  async function revoke(key) {
    if (!(await confirmed(words.confirmRevoke(key.name), words.revoke))) return;
    try {
      await ask("DELETE", `/api-keys/${key.key_id}`);
      await read();
      say(words.saved);
    } catch (error) {
      fail(error);
    }
  }

  function make() {
    const name = h("input", { id: "key-name", autocomplete: "off", spellcheck: false, maxLength: 255 });
    const fault = h("p.fault", { role: "alert", hidden: true });
    const send = h("button.primary", { type: "submit" }, words.newKey);
    const form = h("form", { novalidate: true }, h("h2", { id: "key-title" }, words.newKey),
      h("div.field", {}, h("label", { htmlFor: "key-name" }, "Name"), name), fault,
      h("div.actions", {}, h("button", { type: "button", onclick: () => dialog.close() }, words.cancel), send));
    const dialog = h("dialog", { "aria-labelledby": "key-title" }, form);
    dialog.addEventListener("close", () => dialog.remove());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      send.disabled = true;
      try {
        const { body } = await ask("POST", "/api-keys", { json: { name: name.value } });
        fill(dialog, h("div.stack", {}, h("h2", { id: "key-title" }, body.name), h("p", {}, words.keyOnce),
          h("code.secret", {}, body.key), h("div.actions", {}, h("button.primary", { type: "button", autofocus: true, onclick: () => dialog.close() }, "Close"))));
        await read();
      } catch (error) {
        tell(fault, error.message);
      } finally {
        send.disabled = false;
      }
    });
    document.body.append(dialog);
    dialog.showModal();
  }
  await read.started;
}
