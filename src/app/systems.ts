/** The systems around Twokey as the configuration names them: for the bot, and for the commands of the terminal. */
import { createFolderStore } from "../archive/folder-store.ts";
import type { ArchiveStore, ExportSource } from "../archive/ports.ts";
import { createCiDatabase, type CiDatabase } from "../cidb/read.ts";
import { createCloudStackDeleter } from "../cloudstack/delete/deleter.ts";
import { createDomainIds } from "../cloudstack/read/domain-ids.ts";
import { createCloudStackExporter, type CloudStackExporter } from "../cloudstack/export/exporter.ts";
import type { CloudStackOptions } from "../cloudstack/api/options.ts";
import { createCloudStackReader, type CloudStackReader } from "../cloudstack/read/reader.ts";
import { createCloudStackMarker } from "../cloudstack/write/marker.ts";
import { createTemplateRegistrar } from "../cloudstack/write/registrar.ts";
import { createTemplateMaker } from "../cloudstack/write/template-maker.ts";
import { createCloudStackRestorer } from "../cloudstack/write/restorer.ts";
import { createCloudStackWriter } from "../cloudstack/write/writer.ts";
import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { DomainPath } from "../core/ids.ts";
import { onlyReported, whyReported, type ChangeKind } from "../core/report-mode.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Failure } from "../core/failure.ts";
import type { DeletionReader } from "../deletion/cloud.ts";
import type { Events } from "../events.ts";
import type { Queryable } from "../store/db.ts";
import { mayDelete } from "../store/last-word.ts";
import { readLastListed } from "../store/managed.ts";
import { readPolicy } from "../store/policies.ts";
import { isRead, mayCall } from "../store/stop-switch.ts";
import type { CloudParts } from "./parts.ts";

/** Outcomes of calls after which an operator should search for the cause; others are shown where they matter. */
const WORTH_A_WARNING = new Set(["lost_answer", "credentials", "malformed_json", "unknown_shape"].map((code) => `cloudstack.${code}`));

/** What the systems are made with; `pageSize` and `parallel`, left out, are the usual ones. */
interface Tools extends Pick<CloudStackOptions, "now" | "sleep" | "newId" | "pageSize" | "parallel"> {
  readonly events: Events;
}

/**
 * The CloudStack clients, each with its own keys; every call that takes something away reads the stop switch first. Without keys of its
 * own a client only reads, with the reading pair. Invariant: INV-3, INV-12.
 */
export function cloudStack(config: Pick<Config, "cloudstack">, db: Queryable, { events, ...tools }: Tools): CloudParts {
  const options = (kind: ChangeKind | "read", stoppable: boolean): CloudStackOptions => ({
    ...tools,
    url: config.cloudstack.url,
    ...(config.cloudstack[kind] ?? config.cloudstack.read),
    rootPath: config.cloudstack.rootPath as DomainPath,
    timeoutMs: config.cloudstack.timeoutMs,
    absentKinds: config.cloudstack.absentKinds,
    beforeCall: async (command) => {
      const may = mayChange(config, kind, command);
      return may.ok && stoppable ? mayCall(db, command) : may;
    },
    onCall: ({ command, page, ms, outcome, bytes }) =>
      events[WORTH_A_WARNING.has(outcome) ? "warn" : "debug"]("cloudstack.call", { command, page, ms, outcome, bytes }),
  });
  // A deletion reads with the deleting key: its jobs and events are shown to no account below it (recording 28), and only a role of the
  // type Admin sees dedications, what is not for display, and what lies above the managed root.
  const deletionReads = deletionReadsOf(createCloudStackReader(options("delete", false)));
  return {
    reader: { ...createCloudStackReader(options("read", false)), ...deletionReads },
    // What people decide is marked while everything is stopped, too: their stop itself is such a decision.
    writer: { ...createCloudStackWriter(options("write", true)), ...createCloudStackMarker(options("write", false)) },
    templates: createTemplateMaker(options("write", true)),
    // What people want back is given back while everything is stopped, too; who disabled an account can enable it.
    restorer: createCloudStackRestorer(options("delete", false)),
    deleter: createCloudStackDeleter(options("delete", true), async ({ request, seen, grantedAt }, command) => {
      const may = mayChange(config, "delete", command);
      return may.ok ? mayDelete(db, { ...seen, deletionId: request.deletionId, grantedAt }, command, tools.now()) : may;
    }),
    exports: exportSource(createCloudStackExporter(options("export", true))),
    registrar: createTemplateRegistrar(options("export", true)),
    domainIds: createDomainIds(options("read", false)),
  };
}

/** Errors: `refused` `cloudstack.report_only`: there are no keys for this kind of change, or nothing is to be carried out. */
function mayChange({ cloudstack }: Pick<Config, "cloudstack">, kind: ChangeKind | "read", command: string): Result<void, Failure> {
  const why = kind === "read" ? "it is the reading key" : whyReported(kind, cloudstack.reportOnly);
  return why === null || isRead(command) ? ok(undefined) : err(onlyReported(`${command} was not sent: ${why}`));
}

function deletionReadsOf(r: CloudStackReader): DeletionReader & Pick<CloudStackReader, "readManagedRoot" | "findDomainNamed"> {
  const { readInventory, findDomain, findThing, findJob, hasDeletionEvent, readNeighbours, readHoldings, readExpungeDelay, readRemovals } =
    r;
  const { readManagedRoot, findDomainNamed, readRunningJobs } = r;
  const contents = { readInventory, findDomain, findThing, readNeighbours, readHoldings };
  const log = { findJob, readRunningJobs, hasDeletionEvent, readRemovals };
  return { ...contents, ...log, readExpungeDelay, readManagedRoot, findDomainNamed };
}

/** The CI database, read only; what it says is compared with the scope in force. Invariant: INV-1. */
export function ciDatabase(config: Pick<Config, "ci">, db: Queryable, a: Pick<Tools, "now" | "events">): CiDatabase {
  const onError = (e: Error): void => a.events.bug("cidb.connection", e);
  const confirmed = async () => (await readPolicy(db))?.body.scope ?? null;
  const lastComplete = async () => {
    const last = await readLastListed(db);
    // While there is no policy, nobody has allowed that a single project is missing.
    return last === null ? null : { ...last, shrinkMinShare: (await readPolicy(db))?.body.shrinkMinShare ?? 1 };
  };
  return createCiDatabase({ ...config.ci, now: a.now, confirmed, lastComplete, onError });
}

/** The archive store; `now` is the clock by which links to a bucket are signed, where the configuration asks for them. */
export async function archiveStore(
  config: { readonly archive: Pick<Config["archive"], "place">; readonly cloudstack: Pick<Config["cloudstack"], "timeoutMs"> },
  now: Clock | null = null,
): Promise<ArchiveStore> {
  const { place } = config.archive;
  if (place.kind === "folder") return createFolderStore(place.dir, place.minFreeBytes);
  // Loaded only when needed: the SDK takes 20 MiB.
  const { createS3Store } = await import("../archive/s3-store.ts");
  const signing = place.signsLinks && now !== null ? { signingClock: now } : {};
  return createS3Store({ ...place, timeoutMs: config.cloudstack.timeoutMs, ...signing });
}

function exportSource(exporter: CloudStackExporter): ExportSource {
  return {
    async openExport(item) {
      const source = await exporter.extract(item);
      return source.ok ? ok({ open: (offset) => exporter.open(source.value, offset) }) : source;
    },
  };
}
