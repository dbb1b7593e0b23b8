// Quests and rewards. A change names the version it is meant for; if that is old, both versions are shown.
import { ask, readAll } from "./api.js";
import { coin, fill, h, tell } from "./dom.js";
import { amount, number } from "./format.js";
import { confirmed } from "./session.js";
import { table, tr } from "./table.js";
import { words } from "./words.js";

const questFields = [
  ["name", "Name", "text"], ["event_type", "Event type", "text"], ["streak", "Streak: events per completion", "number"],
  ["duplication", "Completions per person", "number"], ["reward_id", "Reward", "reward"], ["auto_claim", "Pay out by itself", "check"],
  ["description", "Description", "area"],
];
const rewardFields = [["reward_name", "Name", "text"], ["reward_item", "Item", "item"], ["reward_qty", "Amount", "number"]];

export async function show({ place, signal, fail, say }) {
  const quests = h("section", { "aria-busy": "true" });
  const rewards = h("section.block", {});
  place.append(h("div.head", {}, h("h1", {}, "Catalog"), h("div.end", {},
    h("button.primary", { type: "button", onclick: () => edit("quest") }, words.newQuest),
    h("button", { type: "button", onclick: () => edit("reward") }, words.newReward))), quests, rewards);
  let known = [];

  async function read() {
    const [allQuests, allRewards] = await Promise.all([readAll("/quests?include=retired"), readAll("/rewards?include=retired")]);
    if (signal.aborted) return;
    known = allRewards;
    const byId = new Map(allRewards.map((reward) => [reward.reward_id, reward]));
    const columns = [["Quest", "long"], ["Event type"], ["Streak", "number"], ["Completions", "number"], ["Reward"], ["By itself"], ["State"], ["", "actions"]];
    fill(quests, h("h2", {}, "Quests"), allQuests.length ? table("Quests", columns, allQuests.map((quest) => tr(columns, [
      [h("strong", {}, quest.name), quest.description ? h("div.small", {}, quest.description) : ""],
      quest.event_type, number(quest.streak), number(quest.duplication), prize(byId.get(quest.reward_id)),
      quest.auto_claim ? words.yes : words.no, state(quest), buttons("quest", quest),
    ].map((cell) => (Array.isArray(cell) ? h("div", {}, cell) : cell))))) : h("p.empty", {}, words.nothing));
    const columns2 = [["Reward", "long"], ["Pays"], ["State"], ["", "actions"]];
    fill(rewards, h("h2", {}, "Rewards"), allRewards.length ? table("Rewards", columns2, allRewards.map((reward) =>
      tr(columns2, [h("strong", {}, reward.reward_name), prize(reward), state(reward), buttons("reward", reward)]))) : h("p.empty", {}, words.nothing));
  }

  const prize = (reward) => reward ? h("span.keep", {}, coin(reward.reward_item), " ", amount(reward.reward_qty, reward.reward_item)) : "–";
  const state = (item) => h("span.badge", { "data-kind": item.active ? "good" : "" }, item.active ? words.active : words.retired);
  const idOf = (kind, item) => item[`${kind}_id`];
  const nameOf = (kind, item) => (kind === "quest" ? item.name : item.reward_name);
  const pathOf = (kind, item) => `/${kind}s/${idOf(kind, item)}`;

  function buttons(kind, item) {
    const name = nameOf(kind, item);
    return h("span", {},
      h("button.slim", { type: "button", "aria-label": `${words.edit} ${name}`, "data-key": `edit-${idOf(kind, item)}`, onclick: () => edit(kind, item) }, words.edit), " ",
      item.active
        ? h("button.slim.danger", { type: "button", "aria-label": `${words.retire} ${name}`, onclick: () => retire(kind, item) }, words.retire)
        : h("button.slim", { type: "button", "aria-label": `${words.bringBack} ${name}`, onclick: () => bringBack(kind, item) }, words.bringBack));
  }

  async function act(work) {
    try {
      await work();
      await read();
      say(words.saved);
    } catch (error) {
      fail(error);
      await read().catch(() => {});
    }
  }

  async function retire(kind, item) {
    if (!(await confirmed(words.confirmRetire(nameOf(kind, item)), words.retire))) return;
    await act(async () => {
      const { tag } = await ask("GET", pathOf(kind, item));
      await ask("DELETE", pathOf(kind, item), { headers: { "If-Match": tag } });
    });
  }

  const bringBack = (kind, item) => act(async () => {
    const { tag } = await ask("GET", pathOf(kind, item));
    await ask("PATCH", pathOf(kind, item), { json: { active: true }, headers: { "If-Match": tag } });
  });

  /** A dialog with the fields of a quest or a reward; without `item` it makes a new one. */
  async function edit(kind, item) {
    let base = null;
    let tag = null;
    try {
      if (item) ({ body: base, tag } = await ask("GET", pathOf(kind, item)));
    } catch (error) {
      return fail(error);
    }
    const fields = kind === "quest" ? questFields : rewardFields;
    const inputs = new Map();
    const notice = h("p.notice", { role: "alert", hidden: true, "data-kind": "warn" });
    const fault = h("p.fault", { role: "alert", hidden: true });
    const rows = fields.map(([name, title, type]) => {
      const input = make(name, type, base?.[name] ?? defaults[name]);
      const hint = h("p.hint", { id: `hint-${name}` });
      inputs.set(name, { input, hint, type });
      return type === "check" ? h("div.field", {}, h("label.check", {}, input, title), hint)
        : h("div.field", {}, h("label", { htmlFor: input.id }, title), input, hint);
    });
    const send = h("button.primary", { type: "submit" }, words.save);
    const title = item ? nameOf(kind, base) : kind === "quest" ? words.newQuest : words.newReward;
    const form = h("form", { novalidate: true }, h("h2", { id: "edit-title" }, title), notice, ...rows, fault,
      h("div.actions", {}, h("button", { type: "button", onclick: () => dialog.close() }, words.cancel), send));
    const dialog = h("dialog", { "aria-labelledby": "edit-title" }, form);
    dialog.addEventListener("close", () => dialog.remove());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      send.disabled = true;
      tell(fault);
      const json = {};
      for (const [name, { input, type }] of inputs) {
        const value = type === "check" ? input.checked : type === "number" ? (input.value === "" ? null : Number(input.value)) : input.value;
        if (!base || value !== base[name]) json[name] = value;
      }
      try {
        if (item && !Object.keys(json).length) return void dialog.close();
        if (item) await ask("PATCH", pathOf(kind, item), { json, headers: { "If-Match": tag } });
        else await ask("POST", `/${kind}s`, { json });
        dialog.close();
        await read();
        say(item ? words.saved : words.made);
      } catch (error) {
        if (error.status === 412) await compare();
        else tell(fault, error.message);
      } finally {
        send.disabled = false;
      }
    });

    /** Somebody was faster: theirs is shown beside what was entered here, and the next save is meant for theirs. */
    async function compare() {
      const mine = new Map([...inputs].map(([name, { input, type }]) => [name, type === "check" ? input.checked : type === "number" ? Number(input.value) : input.value]));
      const before = base;
      ({ body: base, tag } = await ask("GET", pathOf(kind, item)));
      for (const [name, { input, hint, type }] of inputs) {
        const hasChanged = base[name] !== before[name];
        // What nobody touched here follows theirs.
        if (hasChanged && mine.get(name) === before[name]) { if (type === "check") input.checked = base[name]; else input.value = base[name]; }
        const shown = typeof base[name] === "boolean" ? (base[name] ? words.yes : words.no) : name === "reward_id" ? known.find((reward) => reward.reward_id === base[name])?.reward_name : String(base[name]);
        hint.textContent = hasChanged ? words.theirs(shown) : "";
      }
      tell(notice, words.conflict, "warn");
    }

    document.body.append(dialog);
    dialog.showModal();
  }

  const defaults = { streak: 3, duplication: 1, event_type: "UserSignIn", reward_item: "diamond", reward_qty: 10, auto_claim: false, description: "" };

  function make(name, type, value) {
    const id = `field-${name}`;
    const common = { id, name, "aria-describedby": `hint-${name}` };
    switch (type) {
      case "check": return h("input", { ...common, type: "checkbox", checked: Boolean(value) });
      case "area": return h("textarea", { ...common, value: value ?? "", maxLength: 2000 });
      case "number": return h("input", { ...common, type: "number", min: 1, step: 1, inputMode: "numeric", value: value ?? "" });
      case "item": return choose(common, [["diamond", "diamond"], ["gold", "gold"]], value);
      case "reward": return choose(common, known.filter((reward) => reward.active || reward.reward_id === value)
        .map((reward) => [reward.reward_id, `${reward.reward_name} (${amount(reward.reward_qty, reward.reward_item)})`]), value);
      default: return h("input", { ...common, type: "text", value: value ?? "", spellcheck: false, autocomplete: "off" });
    }
  }

  const choose = (common, options, value) => {
    const made = h("select", common, options.map(([key, text]) => h("option", { value: key }, text)));
    if (value) made.value = value;
    return made;
  };

  await read();
}
