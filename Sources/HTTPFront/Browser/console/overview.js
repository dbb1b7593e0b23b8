// What a person on call has to see in ten seconds.
import { get } from "./api.js";
import { chart } from "./chart.js";
import { fill, h } from "./dom.js";
import { duration, number, time } from "./format.js";
import { table, tr } from "./table.js";
import { words } from "./words.js";

const every = 2000;
/** Milliseconds after which another worker takes entries over that this one holds. */
const reclaim = 30_000;
/** Intervals of the activity: five minutes. */
const room = 150;

export async function show({ place, signal, fail }) {
  const head = h("div.head", {}, h("h1", {}, "Overview"));
  const body = h("div", { "aria-busy": "true" }, h("p.bone", {}, words.loading));
  place.append(head, body);
  let timer = 0;
  signal.addEventListener("abort", () => clearTimeout(timer));

  async function look() {
    try {
      const [status, activity] = await Promise.all([get("/status", { signal }), get("/activity", { signal })]);
      if (signal.aborted) return;
      fill(body, ...draw(status, activity));
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 401 || error.status === 403) return fail(error);
      fill(body, h("section.verdict", { "data-kind": "bad", "aria-label": "Verdict" }, h("strong", {}, words.unknownHealth), error.message));
    }
    timer = setTimeout(look, document.hidden ? every * 5 : every);
  }
  await look();
}

function draw(status, activity) {
  return [
    verdict(status),
    h("div.charts", {},
      chart("Sign-ins", activity.sign_ins, activity.interval_seconds, room),
      chart("Events recorded", activity.events, activity.interval_seconds, room),
      chart("Completions", activity.completions, activity.interval_seconds, room)),
    figures(status),
    servers(status),
    ...consumers(status),
  ];
}

function verdict(status) {
  const reasons = [...status.unreachable, ...status.alarms, ...status.losses.map((loss) => loss.text), ...status.durability_warnings];
  const kind = status.unreachable.length || !status.healthy ? "bad" : reasons.length ? "warn" : "good";
  return h("section.verdict", { "data-kind": kind, "aria-label": "Verdict" },
    h("strong", {}, status.healthy ? words.healthy : words.unhealthy),
    h("span.when", {}, words.asOf, " ", time(new Date().toISOString())),
    reasons.length ? h("ul", {}, reasons.map((text) => h("li", {}, text))) : null);
}

function figures(status) {
  const cards = [];
  const add = (name, value, below = "", kind = "") => cards.push(h("div.card.figure", { "data-kind": kind },
    h("dt", {}, name), h("dd", {}, value, h("span.small", {}, below))));
  for (const group of status.groups) {
    const name = group.group.charAt(0).toUpperCase() + group.group.slice(1);
    add(`${name}: lag`, number(group.lag), group.oldest_seconds > 0 ? words.oldest(duration(group.oldest_seconds)) : words.noneWaiting,
      group.oldest_seconds > 60 ? "warn" : "");
    add(`${name}: pending`, number(group.pending), words.consumers(group.consumers.length), group.consumers.length ? "" : "bad");
  }
  for (const outbox of status.outboxes) {
    add(`Outbox: ${outbox.name.replace(".outbox", "")}`, number(outbox.waiting), outbox.waiting ? words.oldest(duration(outbox.oldest_seconds)) : words.noneWaiting,
      outbox.oldest_seconds > 60 ? "warn" : "");
  }
  if (status.dead_letters !== undefined) {
    add("Dead letters", h("a", { href: "#/dead-letters" }, number(status.dead_letters)), status.dead_letters ? "" : words.noneWaiting, status.dead_letters ? "bad" : "");
  }
  return h("dl.figures", {}, cards);
}

const serverColumns = [["Server"], ["State"], ["Durability", "long"]];

function servers(status) {
  const away = (name) => status.unreachable.some((text) => text.startsWith(name));
  const row = (name, word, more) => {
    const isAway = away(name);
    const weak = status.durability_warnings.filter((text) => text.toLowerCase().includes(word));
    return tr(serverColumns, [
      h("strong", {}, name), h("span.badge", { "data-kind": isAway ? "bad" : "good" }, isAway ? words.away : words.reachable),
      isAway ? status.unreachable.join(" ") : weak.length ? weak.join(" ") : `${words.durable}. ${more}`,
    ]);
  };
  const length = status.groups.reduce((sum, group) => sum + group.length, 0);
  return h("section.block", {}, h("h2", {}, "Servers"),
    table("Servers", serverColumns, [
      row("Redis", "redis", `${number(length)} entries in the streams.`),
      row("Postgres", "postgres", status.schema_version === undefined ? "" : `Schema ${status.schema_version}, catalog revision ${number(status.catalog_revision ?? 0)}.`),
    ]));
}

function consumers(status) {
  const columns = [["Consumer", "long"], ["Group"], ["Pending", "number"], ["Idle", "number"], ["State"]];
  const rows = status.groups.flatMap((group) => group.consumers.map((consumer) => tr(columns, [
    h("code", {}, consumer.name), group.group, number(consumer.pending), duration(consumer.idle_ms / 1000),
    !consumer.pending ? h("span.badge", {}, words.ready)
      : consumer.idle_ms < reclaim ? h("span.badge", { "data-kind": "accent" }, words.busy) : h("span.badge", { "data-kind": "warn" }, words.silent),
  ])));
  return [h("section.block", {}, h("h2", {}, "Consumers"),
    rows.length ? table("Consumers", columns, rows) : h("p.empty", {}, words.noConsumers))];
}
