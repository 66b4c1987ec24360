import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { bytesOf } from "../../emulators/cloudstack/bytes.ts";
import { verifyAudit } from "../../src/store/audit.ts";
import type { Database } from "../../src/store/db.ts";
import type { Life } from "./life.ts";
import type { Point } from "./point.ts";
import { besideOf, domainOf, doomed, templateBytes, times, type Scene } from "./scene.ts";

/** Calls that harm when they are accepted twice for one thing. The others only say again what is so already. */
const ONCE = new Set([
  "destroyVirtualMachine",
  "deleteVolume",
  "deleteSnapshot",
  "deleteNetwork",
  "deleteTemplate",
  "deleteAccount",
  "deleteDomain",
  "recoverVirtualMachine",
  "startVirtualMachine",
  "attachVolume",
]);
/** Calls that stop things, and harm nothing when said twice. */
const RULES = ["deleteRemoteAccessVpn", "deleteFirewallRule", "deleteEgressFirewallRule"];
const HARMLESS = new Set(["disableAccount", "enableAccount", "detachVolume", "extractTemplate", ...RULES]);
/** Calls after which something is gone, or will be. */
const TAKING = new Set([
  "destroyVirtualMachine",
  "detachVolume",
  "deleteVolume",
  "deleteSnapshot",
  "deleteNetwork",
  "deleteTemplate",
  "deleteAccount",
  "deleteDomain",
  ...RULES,
]);

/** How each life must end. */
const ENDS: Readonly<Record<Life, { readonly phase: string; readonly because: string | null }>> = {
  delete: { phase: "deleted", because: null },
  restore: { phase: "closed", because: "restored" },
  recover: { phase: "closed", because: "restored" },
  cancel: { phase: "closed", because: "cancelled" },
};

/**
 * What may be looked at at any time: nothing beside the domain changed, and no call was sent that must not be.
 * `vain`: how often one call may be accepted in vain, and sent again. `lost`: how often nobody learns that a network was refused.
 */
export function lookBetween(scene: Scene, vain = 0, lost = 0): readonly string[] {
  const found: string[] = [];
  if (besideOf(scene.cloud) !== scene.before.beside) found.push("something beside the domain changed");
  for (const r of changing(scene)) {
    const target = targetOf(scene, r);
    if (r.params["cleanup"] === "true" || r.params["expunge"] === "true") found.push(`${r.command} with the all-at-once switch`);
    if (!ONCE.has(r.command) && !HARMLESS.has(r.command)) found.push(`${r.command} is no call of a deletion`);
    if (!scene.approved.has(target)) found.push(`${r.command} on something that nobody approved`);
  }
  const accepted = changing(scene).filter((r) => ONCE.has(r.command) && r.status === 200);
  const counts = new Map<string, number>();
  for (const r of accepted) counts.set(`${r.command} ${r.params["id"]}`, (counts.get(`${r.command} ${r.params["id"]}`) ?? 0) + 1);
  for (const [key, n] of counts)
    if (n > 1 + vain + undoneBetween(key, counts) + (isKeptByRules(scene, key) ? 1 + lost : 0))
      found.push(`${key} was accepted ${n} times`);
  return found;
}

/** A machine that was brought to rest, since CloudStack would have expunged it while the step was kept back, is destroyed again. */
function undoneBetween(key: string, counts: ReadonlyMap<string, number>): number {
  const [command, id] = key.split(" ");
  if (command === "destroyVirtualMachine") return counts.get(`recoverVirtualMachine ${id}`) ?? 0;
  if (command === "recoverVirtualMachine") return Math.max(0, (counts.get(`destroyVirtualMachine ${id}`) ?? 0) - 1);
  return 0;
}

/** A life that has ended, and all that it left. `vain` and `lost` as for `lookBetween`; `isAnswerLost`: some answers never came. */
export interface Remains {
  readonly life: Life;
  readonly scene: Scene;
  readonly db: Database;
  readonly archive: string;
  readonly deaths: readonly Point[];
  readonly vain?: number;
  readonly lost?: number;
  readonly isAnswerLost?: boolean;
}

/** Judges a life that has ended, by the cloud, its request log, the channel, the archive and the database; believes no process. */
export async function judge(o: Remains): Promise<readonly string[]> {
  const { life, scene, db, archive } = o;
  const found = [...lookBetween(scene, o.vain, o.lost)];
  const deletions = await db.many(
    z.object({ id: z.string(), phase: z.string(), because: z.string().nullable(), reason: z.string().nullable() }),
    "select id::text, phase, coalesce(closed_because, frozen_reason) as because, closed_reason as reason from deletion",
  );
  const [deletion] = deletions;
  if (deletion === undefined || deletions.length !== 1) return [...found, `${deletions.length} deletions where one is due`];
  const end = ENDS[life];
  if (deletion.phase !== end.phase || deletion.because !== end.because)
    found.push(
      `it ended as ${deletion.phase} ${deletion.because ?? ""} ${deletion.reason ?? ""}, not as ${end.phase} ${end.because ?? ""}`,
    );
  found.push(...judgeDomain(o));
  found.push(...(await judgeCalls(scene, db)));
  found.push(...(await judgeTables(life, db)));
  found.push(...(await judgeArchive(scene, db, archive)));
  found.push(
    ...judgeChannel(
      scene,
      o.deaths.reduce((n, death) => n + (death.unrecordedPosts ?? 0), 0),
    ),
  );
  return found;
}

function changing(scene: Scene) {
  return scene.cloud.requests().filter((r) => !/^(?:list|query)/.test(r.command));
}

/** A network with rules is deleted in vain once; from then on its rules go first, whatever cuts a step short. */
function isKeptByRules(scene: Scene, key: string): boolean {
  return [...scene.ruleOf.values()].some((network) => key === `deleteNetwork ${network}`);
}

/** What a call is about: a rule goes with its network, whose step it belongs to. */
function targetOf(scene: Scene, { params }: { readonly params: Readonly<Record<string, string>> }): string {
  const id = params["id"] ?? params["publicipid"] ?? "";
  return scene.ruleOf.get(id) ?? id;
}

function judgeDomain({ life, scene, vain = 0, isAnswerLost = false }: Remains): readonly string[] {
  const there = domainOf(scene.cloud, doomed.domainId);
  if (life === "delete") {
    const sent = changing(scene).filter((r) => r.command === "deleteDomain" && r.status === 200).length;
    const isOne = sent === 1 || (sent === 0 && isAnswerLost) || (sent > 1 && sent <= 1 + vain);
    return [...(there === undefined ? [] : ["the domain is still there"]), ...(isOne ? [] : [`${sent} accepted deleteDomain, not one`])];
  }
  const found = JSON.stringify(there) === scene.before.doomed ? [] : ["the domain is not as it was"];
  const taken = changing(scene).filter((r) => TAKING.has(r.command) && !(life === "recover" && r.command === "destroyVirtualMachine"));
  return taken.length === 0 ? found : [...found, `${taken[0]?.command} was sent in a life that takes nothing`];
}

/** Each call has its intent before it, its votes, and the waits behind it. */
async function judgeCalls(scene: Scene, db: Database): Promise<readonly string[]> {
  const sql = "select params ->> 'item' as item, command, at from intent where owner_kind = 'deletion'";
  const intents = await db.many(z.object({ item: z.string(), command: z.string(), at: z.number() }), sql);
  const votes = await db.many(z.object({ at: z.number() }), "select at from ballot where verdict = 'approve' order by at");
  const second = votes[1]?.at ?? Number.POSITIVE_INFINITY;
  const found: string[] = [];
  const sent = new Map<string, number>();
  for (const r of changing(scene)) {
    if (r.command.startsWith("extract")) continue;
    const target = targetOf(scene, r);
    const n = (sent.get(`${r.command} ${target}`) ?? 0) + 1;
    sent.set(`${r.command} ${target}`, n);
    // A network's rules have intents of their own.
    const isOf = (command: string): boolean => r.command !== "deleteNetwork" || command === "delete_network";
    if (intents.filter((i) => i.item === target && i.at <= r.at && isOf(i.command)).length < n)
      found.push(`${r.command} without an intent of its own before it`);
    const wait = times.coolOffMs + (TAKING.has(r.command) ? times.graceMs : 0);
    if (r.at < second + wait) found.push(`${r.command} ${second + wait - r.at} ms too early`);
  }
  return found;
}

async function judgeTables(life: Life, db: Database): Promise<readonly string[]> {
  const found: string[] = [];
  const Count = z.object({ n: z.coerce.number() });
  const open = await db.one(
    Count,
    "select count(*) as n from intent i where not exists (select from outcome o where o.intent_id = i.id and o.result <> 'indeterminate')",
  );
  if (open.n > 0) found.push(`${open.n} intents without an outcome`);
  const votes = await db.many(z.object({ voter: z.string() }), "select voter from ballot order by voter");
  if (votes.map((v) => v.voter).join() !== "ci:u1,ci:u2") found.push(`votes of ${votes.map((v) => v.voter).join()}`);
  const twice = await db.many(
    z.object({ kind: z.string() }),
    "select kind from deletion_event where kind like 'entered %' or kind in ('opened', 'restore asked') group by kind having count(*) > 1",
  );
  for (const { kind } of twice) found.push(`"${kind}" stands twice in the log`);
  const gone = await db.one(Count, "select count(*) as n from managed_domain where deleted_at is not null");
  if (gone.n !== (life === "delete" ? 1 : 0)) found.push(`${gone.n} domains recorded as deleted`);
  const audit = await verifyAudit(db);
  if (!audit.intact) found.push(`the audit log does not verify at row ${audit.seq}`);
  return found;
}

/** Every template stands once in the archive, and its bytes are those that CloudStack had. */
async function judgeArchive(scene: Scene, db: Database, archive: string): Promise<readonly string[]> {
  const entries = await db.many(
    z.object({ item_id: z.string(), state: z.string(), store_key: z.string().nullable(), sha256: z.string().nullable() }),
    "select item_id, state, store_key, sha256 from archive_entry order by item_id",
  );
  const found: string[] = [];
  if (entries.map((e) => e.item_id).join() !== [...scene.templates].sort().join()) found.push(`${entries.length} archive entries`);
  // The copy of the audit log's head lies apart.
  const all = readdirSync(archive, { recursive: true, encoding: "utf8" }).filter((f) => !path.basename(f).startsWith("00000000-"));
  const files = all.filter((f) => statSync(path.join(archive, f)).isFile());
  if (files.length !== entries.length) found.push(`the archive holds ${files.join(", ")}`);
  for (const e of entries) {
    const file = path.join(archive, (e.store_key ?? "").slice(0, 2), e.store_key ?? "");
    const real = bytesOf({ id: e.item_id, size: templateBytes, format: "QCOW2" }, 0, templateBytes);
    const kept = files.length === entries.length ? readFileSync(file) : Buffer.alloc(0);
    const sha = createHash("sha256").update(real).digest("hex");
    if (e.state !== "verified" || e.sha256 !== sha || !kept.equals(real))
      found.push(`the archive's copy of ${e.item_id} is ${e.state}, and not right`);
  }
  return found;
}

/** Which stage a member's message is of, by its words; a card has none of them. */
function stageSaid(text: string): string {
  const words = ["may be deleted|were asked", "approved", "quarantined", "last call|removed for good", "is deleted|is kept|is not deleted"];
  return words.find((w) => new RegExp(w, "i").test(text)) ?? "";
}

/**
 * One card in the channel, one line of each phase in its thread, one message to each member at each stage. One more of them, and no more,
 * for each message that Slack had taken when the process died, and of which no row said so: the bot may not read a channel's history, so
 * it posts once more. The older message's buttons are refused then.
 */
function judgeChannel(scene: Scene, unrecorded: number): readonly string[] {
  const heads = scene.board.messages.filter((m) => m.thread === null);
  const lines = scene.board.messages.filter((m) => m.thread !== null);
  const extra =
    heads.length -
    new Set(heads.map((m) => `${m.channel} ${stageSaid(m.text)}`)).size +
    lines.length -
    new Set(lines.map((m) => `${m.thread} ${m.text}`)).size;
  return extra > unrecorded ? [`${extra} messages stand there twice, and ${unrecorded} deaths that explain it`] : [];
}
