/** A bot with a folder for an archive, and a project with templates, for tests of exports. */
import { randomUUID } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import type { ExportView } from "../../src/archive/export-view.ts";
import { createFolderStore } from "../../src/archive/folder-store.ts";
import type { DomainId, ProjectId, Slug } from "../../src/core/ids.ts";
import type { InventoryItem } from "../../src/core/inventory.ts";
import type { Asker } from "../../src/core/people.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok } from "../../src/core/result.ts";
import { recordManagedDomains } from "../../src/store/managed.ts";
import { testBot, type PartsChange, type TestBot } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { at, item, op } from "../support/deletions.ts";

/** What the download of each thing gives. */
export const body = Buffer.from("the bytes of a template ".repeat(100));
export const aurora = { id: "p-1" as ProjectId, slug: "aurora" as Slug, name: "Aurora", state: "active", members: [] } as never;

/** The world of one test. */
export interface ExportWorld {
  readonly fresh: FreshDatabase;
  readonly folder: string;
  readonly domainId: DomainId;
  readonly downloads: string[];
  readonly shown: ExportView[];
  items: InventoryItem[];
  /** What the CI database has of the asker's, and of everybody's. */
  projects: readonly unknown[];
  now: number;
}

/** A member of the project, or somebody else by another name. */
export const mia = (name = "mia"): Asker => ({ operator: { id: op(name), name, ciUserId: name as never }, isTeam: false });
export const place = { channel: "C1", user: "U1" };

/** Makes the world; its project has a managed domain. */
export async function exportWorld(fresh: FreshDatabase): Promise<ExportWorld> {
  const folder = mkdtempSync(path.join(tmpdir(), "twokey-exports-"));
  const domainId = randomUUID() as DomainId;
  const facts = { physicalBytes: body.length, format: "QCOW2" };
  const items = ["t-1", "t-2"].map((name) => item("template", name, { bytes: body.length, facts }));
  await recordManagedDomains(fresh.db, [{ projectId: "p-1" as ProjectId, domainId, generation: 1, origin: "created" }], 1);
  return { fresh, folder, domainId, downloads: [], shown: [], items, projects: [aurora], now: 1000 };
}

/** The bot of a world. */
export function exportBot(w: ExportWorld, more: PartsChange = {}): TestBot {
  const b = testBot(w.fresh.db, {
    ci: {
      projectsOf: async () => ok(w.projects as never),
      project: async (asked) =>
        ok((w.projects.find((p) => (p as { slug: string }).slug === ("slug" in asked ? asked.slug : "")) as never) ?? null),
      readProjectState: async () => ok("absent"),
    },
    reader: {
      readItems: async (_domain, kinds) => ok(w.items.filter((i) => kinds.includes(i.kind))),
      readItem: async (_domain, kind, id) => ok(w.items.find((i) => i.kind === kind && i.id === id) ?? null),
    },
    exports: {
      openExport: async (i) => {
        w.downloads.push(i.name);
        return ok({ open: async () => ok({ bytes: Readable.from([body]), offset: 0, totalBytes: body.length }) });
      },
    },
    archive: createFolderStore(path.join(w.folder, "archive")),
    now: () => at(w.now),
    identify: async (user) => (user === "U1" ? ok(mia()) : err(failure("refused", "identity.not_a_member", "gone"))),
  });
  b.parts.slack.announcers.export.showExport = async (view) => (w.shown.push(view), true);
  return b.with(more);
}

const running = new AbortController().signal;

/** Asks for a thing and runs what was asked for. */
export async function exported(b: TestBot, id: string, who = mia(), kind: "template" | "volume" | "snapshot" = "template") {
  const asked = await b.services.exports.start(who, "aurora" as Slug, id, place, kind);
  if (asked.ok) await b.work.export(id, running);
  return asked;
}

/** The last message. */
export function lastOf(w: ExportWorld): ExportView {
  const last = w.shown.at(-1);
  if (last === undefined) throw new Error("nothing was shown");
  return last;
}
