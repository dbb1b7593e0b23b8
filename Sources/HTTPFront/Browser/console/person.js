// One person: what they have, and why each quest stands where it stands.
import { ask, get, readAll } from "./api.js";
import { coin, fill, h } from "./dom.js";
import { amount, number, shortId, signed, time } from "./format.js";
import { eventColumns, eventRow } from "./events.js";
import { standingOf } from "./people.js";
import { confirmed } from "./session.js";
import { list, table, tr } from "./table.js";
import { words } from "./words.js";

export async function show({ place, rest: id, signal, fail, say, me }) {
  const top = h("div", {});
  const why = h("section.block", {});
  place.append(top, why);

  async function readTop() {
    const user = await get(`/users/${id}`, { signal }).catch((error) => { if (error.status === 404) return null; throw error; });
    const name = user?.user_name ?? words.unnamed;
    const change = async (question, action, json, danger) => {
      if (!(await confirmed(question, action, { danger }))) return;
      try {
        await ask("PATCH", `/users/${id}`, { json });
        await readTop();
        say(words.saved);
      } catch (error) {
        fail(error);
      }
    };
    const isMe = id === me.user_id;
    fill(top,
      h("div.head", {}, h("h1", {}, name), ...(user ? standingOf(user) : []),
        user && !isMe && h("div.end", {},
          user.role === "admin"
            ? h("button", { type: "button", onclick: () => change(words.confirmPlayer(name), words.makePlayer, { role: "player" }, true) }, words.makePlayer)
            : h("button", { type: "button", onclick: () => change(words.confirmAdmin(name), words.makeAdmin, { role: "admin" }, false) }, words.makeAdmin),
          user.status === 2
            ? h("button", { type: "button", onclick: () => change(words.confirmUnban(name), words.unban, { status: 1 }, false) }, words.unban)
            : h("button.danger", { type: "button", onclick: () => change(words.confirmBan(name), words.ban, { status: 2 }, true) }, words.ban))),
      h("dl.card.facts", {},
        fact("Gold", number(user?.gold ?? 0)), fact("Diamonds", number(user?.diamond ?? 0)),
        fact("Account", user ? (user.status === 0 ? "never signed in" : user.status === 2 ? words.banned : "known") : "none"),
        fact("Id", h("code", {}, id))));
  }

  const [, explanation, quests] = await Promise.all([
    readTop(), get(`/users/${id}/explain?limit=20`, { signal }), readAll("/quests?include=retired")]);
  if (signal.aborted) return;
  const names = new Map(quests.map((quest) => [quest.quest_id, quest.name]));
  fill(why, h("h2", {}, "Why each quest stands where it stands"),
    explanation.quests.length ? h("div.why", {}, explanation.quests.map((row) => reason(row, names))) : h("p.empty", {}, words.noWhy));

  const claims = h("section.block", {}, h("h2", {}, "Claims"));
  const wallet = h("section.block", {}, h("h2", {}, "Wallet"));
  const events = h("section.block", {}, h("h2", {}, "Events"));
  place.append(claims, wallet, events);
  list({
    place: claims, label: "Claims", path: () => `/users/${id}/claims`, signal, fail,
    columns: [["Completed", "keep"], ["Quest"], ["Completion", "number"], ["Reward"], ["State"], ["Claimed", "keep"]],
    row: (claim) => [time(claim.created_at), names.get(claim.quest_id) ?? shortId(claim.quest_id), number(claim.completion),
      h("span.keep", {}, coin(claim.reward_item), " ", amount(claim.reward_qty, claim.reward_item)),
      h("span.badge", { "data-kind": claim.status === "pending" ? "accent" : "good" }, claim.status),
      claim.claimed_at ? time(claim.claimed_at) : null],
  });
  list({
    place: wallet, label: "Wallet", path: () => `/users/${id}/wallet`, signal, fail,
    columns: [["Written", "keep"], ["Kind"], ["Amount", "number"], ["Balance after", "number"], ["Reference", "long"]],
    row: (entry) => [time(entry.created_at), words.kinds[entry.kind] ?? entry.kind, `${signed(entry.amount)} ${entry.item}`, number(entry.balance_after), h("code", {}, entry.ref)],
  });
  list({ place: events, label: words.events, path: () => `/events?user_id=${id}`, columns: eventColumns.filter(others), row: (event) => eventRow(event).filter(others), signal, fail });
}

/** Every column but the one that says whose event it is. */
const others = (_, index) => index !== 2;

const fact = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

/** What the explanation says of one quest. */
function reason(row, names) {
  const name = names.get(row.quest_id) ?? row.name ?? row.quest_id;
  const stored = row.stored;
  return h("article.card", {},
    h("header", {}, h("h3", {}, name),
      stored ? h("span.badge", {}, `streak ${number(stored.streak)} · completed ${number(stored.duplication)}`) : h("span.badge", {}, words.stateNew)),
    row.next ? h("p", {}, words.needs(row.next.text)) : h("p", {}, words.noNext),
    h("p.small.soft", {}, words.counted(row.counted)),
    ...row.not_counted.map((entry) => h("p.small.soft", {}, words.notCounted(entry.count, entry.reason))),
    row.differs && h("p.fault", {}, "The tables say something else than what follows from the events: run verify, then replay."));
}
