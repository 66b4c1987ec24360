// What must stand in Slack after a chaos run: each message once, each card as its deletion stands, and an answer to each export.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { dist } from "../bench/paths.mjs";

const { bytesOf } = await import(dist("emulators/cloudstack/bytes.js"));

/**
 * A replica that dies between Slack's answer and its row of it leaves a message that no row knows: the bot may not read a channel's
 * history, so another replica posts it once more, and the older one's buttons are refused (test/matrix/oracle.ts, `isUnrecordedPost`).
 * Such a message was posted at most so long before a kill, or so long after it: what was sent is taken by a busy Slack when its sender is
 * dead already. Units: ms.
 */
const UNRECORDED_MS = 2_000;

/** What is wrong in Slack, in sentences, and how many messages only a kill explains. */
export async function judgeSlack(world, players, kills) {
  const found = [];
  const messages = await messagesOf(players);
  const posted = await world.own("select key, channel, ts, digest from posted_message");
  const known = new Set(posted.map((p) => `${p.channel} ${p.ts}`));
  // A file's row has the time of the message whose thread it is in.
  const unknown = messages.filter((m) => m.files.length === 0 && !known.has(`${m.channel} ${m.ts}`));
  const unexplained = unknown.filter((m) => !kills.some((k) => Math.abs(k.at - Number(m.ts) * 1000) < UNRECORDED_MS));
  for (const m of unexplained)
    found.push(`a message that no row knows, and no kill explains (${nearestKill(m, kills)}): ${m.ts} ${m.text}`);
  for (const p of posted.filter((p) => p.key !== "here" && !messages.some((m) => m.channel === p.channel && m.ts === p.ts)))
    if (!isFile(p.key) && messages.some((m) => m.channel === p.channel)) found.push(`${p.key} has a row, and its message is not there`);
  found.push(...(await judgeCards(world, messages, posted)), ...(await judgeExports(world, messages, posted)));
  return { found, unrecorded: unknown.length - unexplained.length, messages: messages.length };
}

/** How long before or after a message the nearest kill was: a machine under load may need longer than is allowed for. */
function nearestKill({ ts }, kills) {
  const nearest = kills.map((k) => k.at - Number(ts) * 1000).toSorted((a, b) => Math.abs(a) - Math.abs(b))[0];
  if (nearest === undefined) return "nobody was killed";
  return `the nearest was ${Math.abs(Math.round(nearest))} ms ${nearest < 0 ? "before" : "after"} it`;
}

/** The row of a file has the message's own time. */
function isFile(key) {
  return key.endsWith(":lines");
}

/** What the bot posted for good, as far as somebody sees it: answers to one person only are not kept by Slack. */
async function messagesOf(players) {
  const views = await Promise.all(Object.values(players).map((p) => p.view()));
  const all = views.flatMap((v) => v.conversations.flatMap((c) => c.messages.map((m) => ({ ...m, channel: c.id }))));
  const once = new Map(all.filter((m) => !m.ephemeral && m.user === "U0TWOKEY1").map((m) => [`${m.channel} ${m.ts}`, m]));
  return [...once.values()];
}

/** Each deletion has its card, which shows the phase that it is in; each plan that was shown has its message. */
async function judgeCards(world, messages, posted) {
  const words = { deleted: /: deleted/i, closed: /not deleted|nothing deleted/i, frozen: /frozen/i, proposed: /delete /i };
  const textOf = (key) => {
    const row = posted.find((p) => p.key === key);
    return row === undefined ? null : (messages.find((m) => m.channel === row.channel && m.ts === row.ts)?.text ?? null);
  };
  const deletions = await world.own("select id::text, path, phase, closed_because from deletion");
  const cards = deletions.flatMap(({ id, path: of, phase, closed_because: why }) => {
    const text = textOf(`deletion:${id}`);
    if (text === null) return [`the deletion of ${of} (${phase}) has no card`];
    const word = why === "gone" ? /deleted/i : words[phase];
    return word === undefined || word.test(text) ? [] : [`the card of ${of} says "${text}", and it is ${phase}`];
  });
  const shown = await world.own("select id::text from plan where shown");
  return [
    ...cards,
    ...shown.filter(({ id }) => textOf(`plan:${id}`) === null).map(({ id }) => `the plan ${id} counts as shown and has no message`),
  ];
}

/** Who asked for an export knows how it ended, by a message with a link or a reason; the bytes in the archive are CloudStack's. */
async function judgeExports(world, messages, posted) {
  const found = [];
  for (const { id, state, token } of await world.own("select id::text, state, token_sha256 as token from export")) {
    const row = posted.find((p) => p.key === `export:${id}`);
    const message = row === undefined ? undefined : messages.find((m) => m.channel === row.channel && m.ts === row.ts);
    const link = new RegExp(`/exports/${id}/([\\w-]+)`).exec(JSON.stringify(message?.blocks ?? []))?.[1] ?? null;
    if (message === undefined) found.push(`the export ${id} is ${state}, and who asked for it was told nothing`);
    else if (state === "ready" && link === null) found.push(`the export ${id} is ready, and its message has no link: "${message.text}"`);
    else if (state === "ready" && sha(link) !== token) found.push(`the link of the export ${id} opens nothing`);
    else if (state === "failed" && !message.text.startsWith("Could not"))
      found.push(`the export ${id} failed, and its message says "${message.text}"`);
  }
  const sql = "select item_id, store_key, sha256, bytes::int from archive_entry where item_kind = 'template' and state = 'verified'";
  for (const { item_id: item, store_key: key, sha256, bytes } of await world.own(sql)) {
    const file = path.join(world.folder, "archive", key.slice(0, 2), key);
    const kept = existsSync(file) ? sha(readFileSync(file)) : "no file";
    const real = sha(bytesOf({ id: item, size: bytes, format: "QCOW2" }, 0, bytes));
    if (kept !== sha256 || kept !== real) found.push(`the archive's copy of ${item} is not what CloudStack had`);
  }
  return found;
}

function sha(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}
