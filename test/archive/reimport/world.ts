/** What the tests of re-imports share: an emulated CloudStack that fetches what is registered, an archive folder, backups, and a spare domain. */
import { randomInt, randomUUID } from "node:crypto";
import { createDownloads } from "../../../src/archive/downloads.ts";
import { addManagedRoot, keyVariables } from "../../../demo/keys.ts";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { bytesOf } from "../../../emulators/cloudstack/bytes.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../../emulators/cloudstack/server.ts";
import type { TreeDomain } from "../../../emulators/cloudstack/tree.ts";
import { createFolderStore } from "../../../src/archive/folder-store.ts";
import type { Policy } from "../../../src/core/backup-policy.ts";
import { withAssembly } from "../../../src/cli/with-assembly.ts";
import type { Parts } from "../../../src/app/parts.ts";
import type { DeletionId, DomainId, DomainPath, Instant, ProjectId, Slug } from "../../../src/core/ids.ts";
import { archiveContents } from "../../../src/deletion/steps/archive.ts";
import type { Failure } from "../../../src/core/failure.ts";
import { ok, type Result } from "../../../src/core/result.ts";
import type { ReimportReport } from "../../../src/archive/reimport/context.ts";
import type { ReimportLinks } from "../../../src/archive/reimport/ports.ts";
import { parseReimportPoint } from "../../../src/archive/reimport/point.ts";
import { startHttpServer } from "../../../src/app/http.ts";
import { insertBackupRun } from "../../../src/store/backup-runs.ts";
import { readDeletion } from "../../../src/store/deletions.ts";
import { recordApprovedInventory } from "../../../src/store/inventories.ts";
import { callApi } from "../../emulators/cloudstack/api-client.ts";
import { botOf, type PartsChange, type TestBot } from "../../support/bot.ts";
import { insertWithAnyWaits, op, policy } from "../../support/deletions.ts";
import { freshDatabase, type FreshDatabase } from "../../support/database.ts";
import { lendDatabaseLike } from "../../support/lent-database.ts";
import type { Ran } from "../../support/terminal.ts";
import { ciDatabaseWith, domainNamed, environment, runCommand, type CiProject } from "./support.ts";

/** The bytes of a template that was seeded, as the emulator makes them. */
export const seededBytes = (id: string, size: number): Buffer => bytesOf({ id, size, format: "QCOW2" }, 0, size);

/** This day, in UTC. */
export const today = (): string => new Date().toISOString().slice(0, 10);

const ambient = {
  now: () => Date.now() as Instant,
  newId: randomUUID,
  newToken: () => `${randomUUID()}${randomUUID()}`,
  sleep: async () => undefined,
};

/** Worlds as the rebuild command leaves them, by their projects: what CloudStack's file holds, and its managed root. */
const rebuilt = new Map<string, { readonly saved: Buffer; readonly root: string }>();

/** Makes such a world once for a file of tests; each test begins with a copy of it. Gives its own database. */
async function rebuiltWorld(kind: string, projects: readonly CiProject[]): Promise<FreshDatabase> {
  const folder = await mkdtemp(path.join(tmpdir(), "twokey-rebuilt-"));
  const file = path.join(folder, "cloudstack.json");
  const [state, ci, cloud] = [
    await freshDatabase(),
    await ciDatabaseWith(projects),
    await startCloudStackEmulator({ jobMs: 5, stateFile: file }),
  ];
  const root = addManagedRoot(cloud);
  const made = await runCommand(["rebuild"], environment(cloud, state, ci));
  await Promise.all([cloud.close(), ci.drop()]);
  if (made.code !== 0) throw new Error(`the world could not be made: ${made.out}${made.err}`);
  rebuilt.set(kind, { saved: readFileSync(file), root });
  await rm(folder, { recursive: true });
  return state;
}

/** One emulated world. */
export class RestoreWorld {
  cloud: CloudStackEmulator;
  readonly state: FreshDatabase;
  readonly ci: FreshDatabase;
  readonly folder: string;
  readonly archive: string;
  root: string;
  readonly env: Record<string, string>;

  /** Where a host name leads CloudStack's downloads to; a test may lead them astray. */
  readonly hosts: Record<string, string>;

  private constructor(
    cloud: CloudStackEmulator,
    state: FreshDatabase,
    ci: FreshDatabase,
    folder: string,
    hosts: Record<string, string>,
    root: string,
  ) {
    this.hosts = hosts;
    [this.cloud, this.state, this.ci, this.folder, this.root] = [cloud, state, ci, folder, root];
    this.archive = path.join(folder, "archive");
    this.env = {
      ...environment(cloud, state, ci),
      TWOKEY_ARCHIVE_DIR: this.archive,
      TWOKEY_HTTP_PORT: (hosts["twokey.test"] ?? "").replace("127.0.0.1:", ""),
      TWOKEY_PUBLIC_URL: "http://twokey.test",
    };
  }

  static async start(projects: readonly CiProject[]): Promise<RestoreWorld> {
    const folder = await mkdtemp(path.join(tmpdir(), "twokey-reimport-"));
    const port = await freePort();
    const hosts = { "twokey.test": `127.0.0.1:${port}` };
    const kind = JSON.stringify(projects);
    // The database first: making it makes the world that is copied.
    const [state, ci] = [await lendDatabaseLike(kind, () => rebuiltWorld(kind, projects)), await ciDatabaseWith(projects)];
    const { saved, root } = rebuilt.get(kind) ?? { saved: "", root: "" };
    const stateFile = path.join(folder, "cloudstack.json");
    await writeFile(stateFile, saved);
    const cloud = await startCloudStackEmulator({ jobMs: 5, stateFile, downloads: { folder: path.join(folder, "secondary"), hosts } });
    return new RestoreWorld(cloud, state, ci, folder, hosts, root);
  }

  /** Puts a fresh CloudStack in place of the old one, with other ids for everything, and rebuilds the domains there. */
  async replaceCloud(): Promise<void> {
    await this.cloud.close();
    this.cloud = await startCloudStackEmulator({ jobMs: 5, downloads: { folder: path.join(this.folder, "secondary"), hosts: this.hosts } });
    this.root = addManagedRoot(this.cloud);
    Object.assign(this.env, { CLOUDSTACK_API_URL: this.cloud.url, ...keyVariables(this.cloud) });
    const made = await this.rebuild();
    if (made.code !== 0) throw new Error(`not rebuilt: ${made.out}${made.err}`);
  }

  async close(): Promise<void> {
    await this.cloud.close();
    await Promise.all([this.state.drop(), this.ci.drop(), rm(this.folder, { recursive: true })]);
  }

  reimport(...args: string[]): Promise<Ran> {
    return runCommand(["reimport", ...args], this.env);
  }

  /** Re-imports alpha, as of today, into ROOT/ci/spare. */
  reimportAlpha(...more: string[]): Promise<Ran> {
    return this.reimport("alpha", "--from", today(), "--to", "ROOT/ci/spare", ...more);
  }

  /** Serves the links of re-imports beside the command, as the running bot does; CloudStack is led there. */
  async serve(): Promise<{ readonly port: number; close(): Promise<void> }> {
    const context = {
      db: this.state.db,
      store: createFolderStore(this.archive),
      now: () => Date.now() as Instant,
      mayDownload: async () => ok(true),
      downloads: createDownloads(),
    };
    const server = await startHttpServer({ host: "127.0.0.1", port: 0, onError: () => undefined }, context);
    const port = Number(new URL(server.url).port);
    this.hosts["twokey.test"] = `127.0.0.1:${port}`;
    return { port, close: () => server.close() };
  }

  rebuild(): Promise<Ran> {
    return runCommand(["rebuild"], this.env);
  }

  /** A domain below the managed root with these accounts. */
  addDomain(name: string, accounts: readonly string[]): string {
    const id = this.cloud.addDomain({ name, parent: this.root });
    for (const account of accounts) this.cloud.addAccount({ name: account, domain: id });
    return id;
  }

  domain(name: string): TreeDomain {
    const found = domainNamed(this.cloud, name);
    if (found === undefined) throw new Error(`there is no domain ${name}`);
    return found;
  }

  account(domain: string, name: string): string {
    const found = this.domain(domain).accounts.find((a) => a.name === name);
    if (found === undefined) throw new Error(`there is no account ${name} in ${domain}`);
    return found.id;
  }

  /** Saves what the policy names of a project's domain, through CloudStack's own extraction, as a backup made at `at`. */
  async backUp(projectId: string, slug: string, policy: Policy, at?: number): Promise<void> {
    const [id, now] = [randomUUID(), () => (at ?? Date.now()) as Instant];
    const { db } = this.state;
    const domainPath = `ROOT/ci/${slug}` as DomainPath;
    const run = { id, project_id: projectId as ProjectId, slug, domain_id: this.domain(slug).id as DomainId, path: domainPath, policy };
    await insertBackupRun(db, { ...run, asked_at: now() });
    await this.withBot((bot) => bot.with({ now }).work.backup(id, new AbortController().signal));
  }

  /** Re-imports alpha, as of today, into ROOT/ci/spare, without the command: `change` puts other parts in, `links` another server. */
  async reimportWith(change: (p: Parts) => PartsChange, links: Partial<ReimportLinks> = {}): Promise<Result<ReimportReport, Failure>> {
    const from = parseReimportPoint(today(), ambient.now());
    if (!from.ok) throw new Error(from.error.message);
    const ask = { project: "alpha", from: from.value, to: "ROOT/ci/spare", account: null, zone: null, dryRun: false };
    const served: ReimportLinks = { publicUrl: "http://twokey.test", reach: () => Promise.resolve(ok(undefined)), ...links };
    const command = { links: served, say: () => undefined, sleep: ambient.sleep };
    return this.withBot((bot) => bot.with(change(bot.parts)).reimport(ask, command));
  }

  /** Opens a deletion of a domain; gives its id. */
  async openDeletion(projectId: string, slug: string): Promise<DeletionId> {
    const id = randomUUID() as DeletionId;
    const project = { projectId: projectId as ProjectId, slug: slug as Slug };
    await insertWithAnyWaits(this.state.db, {
      id,
      domain_id: this.domain(slug).id as DomainId,
      project_id: project.projectId,
      slug,
      path: `ROOT/ci/${slug}` as DomainPath,
      name: slug,
      evidence: { kind: "closed", ...project, closedAt: null, closedBy: null },
      requesters: [op("chen")],
      policy,
      opened_at: Date.now() as Instant,
    });
    return id;
  }

  /** Saves what a deletion saves of a project's domain, and stores the inventory that its approvers are shown. */
  async archiveDeletion(projectId: string, slug: string): Promise<void> {
    const [{ db }, now] = [this.state, () => Date.now() as Instant];
    const id = await this.openDeletion(projectId, slug);
    const [domainId, domainPath] = [this.domain(slug).id as DomainId, `ROOT/ci/${slug}` as DomainPath];
    await this.withBot(async ({ deletions }) => {
      const inventory = await deletions.reader.readInventory(domainId, domainPath);
      const row = await readDeletion(db, id);
      if (!inventory.ok || row === null) throw new Error("nothing to archive");
      await archiveContents(row, inventory.value, deletions, () => Promise.resolve());
      await recordApprovedInventory(db, id, inventory.value, now());
      await db.exec("update deletion set phase = 'closed' where id = $1", [id]);
    });
  }

  /** Takes a project out of the CI database, as if it had never been. */
  async forgetProject(id: string): Promise<void> {
    await this.ci.db.exec("delete from public.membership where project_id = $1", [id]);
    await this.ci.db.exec("delete from public.project where id = $1", [id]);
  }

  /** Works with the bot that the commands of the terminal have. */
  private async withBot<T>(work: (bot: TestBot) => Promise<T>): Promise<T> {
    const done: T[] = [];
    await withAssembly({ env: this.env, out: () => undefined, err: () => undefined, ...ambient }, async ({ parts }) => {
      done.push(await work(botOf(parts)));
      return 0;
    });
    if (done.length === 0) throw new Error("the environment is not complete");
    return done[0] as T;
  }

  /** Calls CloudStack as its root administrator. */
  async call(command: string, params: Record<string, string>): Promise<Record<string, unknown>> {
    return (await callApi(this.cloud.url, this.cloud.admin, Date.now(), command, params)).body ?? {};
  }

  /** The templates of a domain as CloudStack lists them, by name. */
  async templates(domain: string): Promise<readonly Record<string, unknown>[]> {
    const params = { domainid: this.domain(domain).id, templatefilter: "self", listall: "true", isrecursive: "true" };
    const body = (await this.call("listTemplates", params))["listtemplatesresponse"] as { template?: Record<string, unknown>[] };
    return (body.template ?? []).toSorted((a, b) => (String(a["name"]) < String(b["name"]) ? -1 : 1));
  }

  /** The bytes that CloudStack fetched for a template. */
  fetched(template: Record<string, unknown> | undefined): Buffer | null {
    const file = path.join(this.folder, "secondary", String(template?.["id"]));
    return existsSync(file) ? readFileSync(file) : null;
  }

  /** What was sent to register templates. */
  registrations(): readonly Readonly<Record<string, string>>[] {
    return this.cloud.requests().flatMap((r) => (r.command === "registerTemplate" ? [r.params] : []));
  }
}

/** Below those that systems give to servers which take any port: another test's server would be given it before ours listens. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 30_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (isFree) return port;
  }
}
