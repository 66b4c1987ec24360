/** A project `p-1` of mia's and tom's with machines, disks and templates, around the bot of the tests, for questions about its status. */
import { randomUUID } from "node:crypto";
import { renderReply } from "../../src/bot/render/reply.ts";
import { answerStatus } from "../../src/commands/status.ts";
import { domainIdFor } from "../../src/core/derived-ids.ts";
import { failure } from "../../src/core/failure.ts";
import type { AccountId, CiUserId, DomainId, Instant, ProjectId, Slug } from "../../src/core/ids.ts";
import type { InventoryItem } from "../../src/core/inventory.ts";
import type { Asker } from "../../src/core/people.ts";
import { err, ok } from "../../src/core/result.ts";
import { DAY_MS, GIB } from "../../src/core/units.ts";
import { insertEntry, updateEntry } from "../../src/store/archive-entries.ts";
import { recordVote } from "../../src/store/ballots.ts";
import type { Database } from "../../src/store/db.ts";
import { recordApprovedInventory } from "../../src/store/inventories.ts";
import { updateDeletion, type DeletionChange, type DeletionRow } from "../../src/store/deletions.ts";
import { validateBlocks } from "../../emulators/slack/validate-blocks.ts";
import type { PartsChange, TestBot } from "../support/bot.ts";
import { at, expectRow, inventory, item, op, openOne } from "../support/deletions.ts";
import { ids, service, type Service } from "../sync/people.ts";

/** The instant at which people ask. */
export const NOW = Date.UTC(2026, 10, 20, 12);

const one = (kind: InventoryItem["kind"], name: string, days: number, more: Partial<InventoryItem> = {}): InventoryItem =>
  item(kind, name, { createdAt: at(NOW - days * DAY_MS), ...more });

const things: readonly InventoryItem[] = [
  one("machine", "vm-10", 34, { state: "Running" }),
  one("machine", "vm-2", 400, { state: "Stopped" }),
  one("volume", "disk", 34, { bytes: 20 * GIB, parentId: "machine-vm-2" }),
  one("snapshot", "nightly", 1, { bytes: 3 * GIB, parentId: "volume-disk" }),
  one("template", "golden", 90, { bytes: 4 * GIB }),
  one("template", "new", 0, { bytes: null }),
];

/** What the world is, and what a test may change. */
export interface StatusWorld {
  readonly s: Service;
  bot(change?: PartsChange): TestBot;
}

/** A person who asks. */
export const who = (name: string, isTeam = false): Asker => ({ operator: { id: op(name), name, ciUserId: name as CiUserId }, isTeam });

/** The world, after its first pass. */
export async function statusWorld(db: Database, members: Readonly<Record<string, readonly string[]>>): Promise<StatusWorld> {
  const s = service(db, members);
  await s.pass();
  s.now = NOW;
  const bot = (change: PartsChange = {}): TestBot => {
    const made = s.bot();
    return made.with({
      ...change,
      ci: {
        projectsOf: async (user) => {
          const all = await made.parts.ci.projectsOf("all");
          return all.ok && user !== "all" ? ok(all.value.filter((p) => p.members.some((m) => m.userId === user))) : all;
        },
        readProjectState: async (id) => ok(s.projects[id]?.state ?? "absent"),
        ...change.ci,
      },
      reader: {
        readItems: async () => ok(things),
        readDomainNow: async (id) => {
          const domain = [...s.domains.values()].find((d) => d.id === id);
          if (domain === undefined) return err(failure("stale", "cloudstack.domain_gone", "CloudStack no longer lists the domain"));
          const accounts = [...s.accounts.values()].filter((a) => a.domainId === id);
          const used = { user_vm: 2, volume: 1, memory: 6144, primary_storage: 20, template: 2 };
          const limits = { ...domain.limits, memory: 8192, primary_storage: 20, template: -1 };
          return ok({ state: "Active", createdAt: (NOW - 400 * DAY_MS) as Instant, limits, used, accounts });
        },
        ...change.reader,
      },
    });
  };
  return { s, bot };
}

/** Asks, checks that Slack takes the answer, and gives it as lines of text. */
export async function ask(bot: TestBot, by: Asker, slug: string | null): Promise<string> {
  const { text, blocks } = renderReply(await answerStatus(by, slug as Slug | null, bot.services));
  const problems = validateBlocks(blocks, "message");
  if (problems.length > 0) throw new Error(problems.join("; "));
  const lines = blocks.flatMap((b) => {
    const { text: main, fields = [], elements = [], accessory } = b as unknown as Shown;
    const more = accessory === undefined ? "" : `\n    [${accessory.text.text}: ${accessory.action_id} ${accessory.value}]`;
    return [...(main === undefined ? [] : [main.text]), ...fields.map((f) => f.text), ...elements.map((e) => `(${e.text})`)].map(
      (t, i, all) => `${t}${i === all.length - 1 ? more : ""}`,
    );
  });
  // Who is notified, or hears it only, is told the title and what it means, too.
  if (!text.startsWith(String(lines[0]).slice(0, 40))) throw new Error(`the text without blocks is another one: ${text}`);
  return lines.join("\n");
}

interface Shown {
  readonly text?: { readonly text: string };
  readonly fields?: readonly { readonly text: string }[];
  readonly elements?: readonly { readonly text: string }[];
  readonly accessory?: { readonly text: { readonly text: string }; readonly action_id: string; readonly value: string };
}

/** The deletion of p-1, approved by ada and ben, in whatever phase: PostgreSQL's rules for the way there are not what is tested here. */
export async function deletionOf(db: Database, change: DeletionChange): Promise<DeletionRow> {
  const domain = domainIdFor("p-1" as ProjectId, 1);
  const row = await openOne(db, { domain, name: "p-1" });
  const account = item("account", "mia", { id: ids("p-1", "mia").account, state: "enabled" });
  const tom = item("account", "tom", { id: ids("p-1", "tom").account, state: "enabled" });
  await recordApprovedInventory(db, row.id, inventory(domain, [account, tom, ...things]), 10);
  await db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    for (const voter of ["ada", "ben"])
      await recordVote(
        q,
        { kind: "deletion", id: row.id },
        {
          voter: op(voter),
          voterName: voter,
          account: null,
          verdict: "approve",
          digest: "0".repeat(64) as never,
          reason: null,
          at: at(NOW),
        },
      );
    await updateDeletion(q, row.id, { entered_at: at(NOW - DAY_MS), ...change });
    const isGone = change.phase === "deleted" || change.closed_because === "gone";
    if (isGone) await q.exec("update managed_domain set deleted_at = $2 where domain_id = $1", [domain, NOW - DAY_MS]);
  });
  return expectRow(db, row.id);
}

/** A verified copy of a thing for a deletion. */
export async function saved(db: Database, row: Pick<DeletionRow, "id">, kind: InventoryItem["kind"], name: string): Promise<void> {
  const id = randomUUID();
  await insertEntry(db, { kind: "deletion", id: row.id }, { id, itemKind: kind, itemId: `${kind}-${name}`, name, at: NOW });
  const manifest = { savedAt: NOW - 3 * DAY_MS };
  await updateEntry(db, id, NOW, { state: "verified", key: id, sha256: "0".repeat(64), bytes: 4 * GIB, manifest });
}

/** An account of the world as CloudStack has it, changed. */
export function changeAccount(s: Service, member: string, state: "locked" | "disabled"): void {
  const account = s.accounts.get(ids("p-1", member).account as AccountId);
  if (account !== undefined) s.accounts.set(account.id, { ...account, state });
}

/** The id of the domain of p-1. */
export const domainOfOne = (): DomainId => domainIdFor("p-1" as ProjectId, 1);
