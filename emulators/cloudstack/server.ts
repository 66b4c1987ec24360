import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { adjust, parseAdjustable, type Adjustable } from "./adjust.ts";
import { ApiFault } from "./failure.ts";
import { Downloads } from "./downloads.ts";
import { answer, refusal, type ApiAnswer, type ApiRequest, type Surroundings } from "./dispatch.ts";
import { FaultBoard, parseFaults, type CloudStackFault, type FaultKind } from "./faults.ts";
import { findFile, sendFile } from "./files.ts";
import { serialise } from "./json.ts";
import { settingsOf, type CloudStackEmulatorOptions, type Settings } from "./options.ts";
import { NOWHERE } from "./nowhere.ts";
import { lookUpCommand } from "./registry.ts";
import { readRequest } from "./request.ts";
import { RequestLog, type LoggedRequest } from "./request-log.ts";
import { seedOf, type Keys, type Seed } from "./seed.ts";
import { settle } from "./settle.ts";
import { spoil } from "./spoil.ts";
import { treeOf, type TreeDomain } from "./tree.ts";
import type { Base } from "./world/base.ts";
import { giveKeys } from "./world/create.ts";
import { installWorld } from "./world/install.ts";
import { loadWorld, StateKeeper } from "./world/state-file.ts";
import type { World } from "./world/world.ts";
import { toXml } from "./xml.ts";

export type { Adjustable } from "./adjust.ts";
export type { CloudStackEmulatorOptions } from "./options.ts";
export type { CloudStackFault, FaultKind } from "./faults.ts";
export type { LoggedRequest } from "./request-log.ts";
export type { Keys, Seed, SeedAccount } from "./seed.ts";
export type { TreeAccount, TreeDomain, TreeThing } from "./tree.ts";

const SAVE_DELAY_MS = 150;
const API_PATH = "/client/api";

/** A running emulator. */
export interface CloudStackEmulator extends Seed {
  /** The API's address, `http://127.0.0.1:PORT/client/api`, or with `publicHost`. */
  readonly url: string;
  /** Keys of the root administrator. */
  readonly admin: Keys;
  /** Ids of what every installation has. */
  readonly ids: Base;
  /** Replaces the faults that are switched on; also `POST /emulator/faults`. */
  setFaults(faults: readonly CloudStackFault[]): void;
  /** Changes settings while it runs; also `POST /emulator/settings`. */
  adjust(change: Adjustable): void;
  /** The latest requests, without secrets; also `GET /emulator/requests`. */
  requests(): readonly LoggedRequest[];
  /** Everything there is, as a tree of domains; also `GET /emulator/tree`. */
  tree(): TreeDomain;
  /** Gives a user, or the first user of an account, new keys. */
  registerKeys(accountOrUserId: string): Keys;
  /** Answers one HTTP request as the server would; a caller in the same process may send one without a socket. */
  serve(request: IncomingMessage, response: ServerResponse): Promise<void>;
  close(): Promise<void>;
}

/** Starts an emulated CloudStack management server, on 127.0.0.1 unless `host` says otherwise. Source of every behaviour: the recordings of a 4.22 server. */
export async function startCloudStackEmulator(options: CloudStackEmulatorOptions = {}): Promise<CloudStackEmulator> {
  const settings = settingsOf(options);
  const loaded = settings.stateFile === undefined ? undefined : loadWorld(settings.stateFile);
  const world = loaded ?? installWorld(settings);
  const pageSize = world.configuration["default.page.size"];
  if (options.pageSizeMax === undefined && pageSize !== undefined) adjust(settings, { pageSizeMax: Number(pageSize) });
  const keeper = settings.stateFile === undefined ? undefined : new StateKeeper(world, settings.stateFile, SAVE_DELAY_MS);
  const machine = new Machinery(world, settings);
  const server = createServer((request, response) => void machine.serve(request, response));
  server.keepAliveTimeout = 30_000;
  if (settings.listens) {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(settings.port, settings.host, resolve);
    });
  }
  const origin = settings.listens ? `http://${settings.publicHost}:${(server.address() as AddressInfo).port}` : NOWHERE;
  machine.origin = origin;
  return {
    ...seedOf(world, settings),
    url: `${origin}/client/api`,
    admin: keysOf(world, world.base.adminUser),
    ids: world.base,
    setFaults: (faults) => machine.faults.set(faults),
    adjust: (change) => adjust(settings, change),
    requests: () => machine.log.list(),
    tree: () => {
      settle(machine.around());
      return treeOf(world);
    },
    registerKeys: (id) => {
      const user = world.users.live(id) ?? world.users.group(id)[0];
      if (user === undefined) throw new Error(`no user for ${id}`);
      return giveKeys({ world, settings, now: settings.now() }, user);
    },
    serve: (request, response) => machine.serve(request, response),
    close: async () => {
      await machine.downloads?.close();
      await stop(server, keeper);
    },
  };
}

function keysOf(world: World, userId: string): Keys {
  const { apiKey = "", secretKey = "" } = world.users.need(userId);
  return { apiKey, secretKey };
}

function stop(server: Server, keeper: StateKeeper | undefined): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      keeper?.flush();
      resolve();
    });
    server.closeAllConnections();
  });
}

/** The server's inside: routes requests, lets faults strike, answers. */
class Machinery {
  readonly faults = new FaultBoard();
  readonly log = new RequestLog();
  readonly downloads: Downloads | undefined;
  readonly #world: World;
  readonly #settings: Settings;
  origin = "";

  constructor(world: World, settings: Settings) {
    this.#world = world;
    this.#settings = settings;
    this.downloads = settings.downloads === undefined ? undefined : new Downloads(world, settings, settings.downloads);
  }

  around(): Surroundings {
    const isOn = (kind: FaultKind): boolean => this.faults.isOn(kind);
    const { downloads } = this;
    return { world: this.#world, settings: this.#settings, fileBase: this.origin, machinesStuck: isOn("stuck_machines"), isOn, downloads };
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const path = request.url === API_PATH ? API_PATH : new URL(request.url ?? "/", "http://127.0.0.1").pathname;
      if (path.startsWith("/emulator/")) await this.#control(request, response, path);
      else if (path.startsWith("/userdata/")) await this.#download(request, response, path.slice("/userdata/".length));
      else if (path === API_PATH) await this.#call(request, response);
      else response.writeHead(404).end();
    } catch (error) {
      // Anything unexpected is a defect of the emulator: the client must see it and not wait.
      if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain" });
      response.end(`the emulator failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async #call(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const read = await readRequest(request);
    const name = read.params["command"] ?? "";
    const command = lookUpCommand(name);
    const page = read.params["page"] === undefined ? undefined : Number(read.params["page"]);
    const makesJob = command?.job !== undefined || command?.name === "queryAsyncJobResult";
    const struck = this.faults.strike(command?.name ?? name, page, makesJob);
    const delay = struck.get("delay");
    if (delay !== undefined) await new Promise((resolve) => setTimeout(resolve, delay.ms ?? 1_000));
    if (struck.has("unreachable") || struck.has("lost_before")) {
      this.log.add(this.#settings.now(), name, read.params, 0);
      request.socket.destroy();
      return;
    }
    const answered = this.#answer(read, struck);
    this.log.add(this.#settings.now(), answered.command, read.params, struck.has("lost_after") ? 0 : answered.status);
    if (struck.has("lost_after")) {
      request.socket.destroy();
      return;
    }
    const type = contentType(read);
    spoil(response, struck, answered.status, textOf(type, answered, struck), type);
  }

  #answer(read: ApiRequest, struck: ReadonlyMap<FaultKind, CloudStackFault>): ApiAnswer {
    const around = this.around();
    settle(around);
    this.#world.totalsPace = {
      now: this.#settings.now(),
      lagMs: this.#settings.totalsLagMs,
      stale: this.faults.isOn("stale_totals"),
      runningOnly: this.#settings.countRunningOnly,
    };
    const forced = struck.get("status") ?? struck.get("html");
    if (forced !== undefined) {
      const name = read.params["command"] ?? "";
      const status = forced.status ?? (forced.kind === "html" ? 502 : 503);
      const fault = new ApiFault(status, FORCED[status] ?? "switched-on fault", status === 401 ? null : 9999);
      return refusal(name, `${name.toLowerCase()}response`, fault);
    }
    this.#spoilJob(read.params["jobid"], struck);
    const answered = answer(read, around);
    this.#spoilJob(answered.jobId, struck);
    this.#world.trimLogs();
    return answered;
  }

  #spoilJob(id: string | undefined, struck: ReadonlyMap<FaultKind, CloudStackFault>): void {
    const job = struck.has("lost_job") || struck.has("job_cancelled") ? this.#world.jobs.find(id) : undefined;
    if (job === undefined) return;
    this.#world.jobs.update(job, (j) => {
      j.forgotten ||= struck.has("lost_job");
      j.cancelled ||= struck.has("job_cancelled");
    });
  }

  async #download(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    settle(this.around());
    const struck = this.faults.strike("userdata", undefined, false);
    const delay = struck.get("delay");
    if (delay !== undefined) await new Promise((resolve) => setTimeout(resolve, delay.ms ?? 1_000));
    if (["unreachable", "lost_before", "lost_after"].some((kind) => struck.has(kind as FaultKind))) {
      request.socket.destroy();
      return;
    }
    const forced = struck.get("status") ?? struck.get("html");
    const file = forced === undefined ? findFile(this.#world, this.#settings, path) : undefined;
    if (file === undefined) {
      response.writeHead(forced?.status ?? 404, { "content-type": "text/html" }).end("<html><body><h1>Not Found</h1></body></html>");
      return;
    }
    sendFile(request, response, file, struck.has("cut"));
  }

  async #control(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const send = (status: number, value: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    };
    settle(this.around());
    if (path === "/emulator/tree") return send(200, treeOf(this.#world));
    if (path === "/emulator/requests") return send(200, this.log.list());
    if (path !== "/emulator/faults" && path !== "/emulator/settings") return send(404, { error: "unknown" });
    if (request.method === "POST") {
      try {
        const sent: unknown = JSON.parse((await readRequest(request)).body);
        if (path === "/emulator/faults") this.faults.set(parseFaults(sent));
        else adjust(this.#settings, parseAdjustable(sent));
      } catch (error) {
        return send(400, { error: error instanceof Error ? error.message : "not JSON" });
      }
    }
    const { pageSizeMax, totalsLagMs, jobMs, jobMsOf, zoneHypervisors } = this.#settings;
    return send(200, path === "/emulator/faults" ? this.faults.list() : { pageSizeMax, totalsLagMs, jobMs, jobMsOf, zoneHypervisors });
  }
}

const FORCED: Readonly<Record<number, string>> = {
  401: "unable to verify user credentials and/or request signature",
  429: "The given user has reached his/her account api limit, please retry after 1000 ms.",
  500: "Internal server error",
  503: "The management server is shutting down",
  530: "Internal error executing command, please contact your cloud administrator",
};

function contentType(read: ApiRequest): string {
  const name = Object.keys(read.params).find((one) => one.toLowerCase() === "response") ?? "response";
  const format = read.params[name];
  return format?.toLowerCase() === "json" ? "application/json;charset=utf-8" : "text/xml;charset=utf-8";
}

function textOf(type: string, answered: ApiAnswer, struck: ReadonlyMap<FaultKind, CloudStackFault>): string {
  const drifts = struck.has("short_page") || struck.has("count_drift") || struck.has("page_count");
  const body = drifts ? driftedBody(answered, struck) : answered.body;
  return type.startsWith("application/json") ? serialise(body) : toXml(body);
}

function driftedBody(answered: ApiAnswer, struck: ReadonlyMap<FaultKind, CloudStackFault>): ApiAnswer["body"] {
  const [wrapper = "", inner] = Object.entries(answered.body)[0] ?? [];
  if (typeof inner !== "object" || inner === null || !("count" in inner) || typeof inner["count"] !== "number") return answered.body;
  const rows = Object.values(inner).find((value) => Array.isArray(value));
  const changed = Object.entries(inner).map(([key, value]): [string, typeof value] => {
    if (key === "count" && struck.has("page_count")) return [key, Array.isArray(rows) ? rows.length : Number(value)];
    if (key === "count" && struck.has("count_drift")) return [key, Number(value) + 1];
    return [key, Array.isArray(value) && struck.has("short_page") ? value.slice(0, -1) : value];
  });
  return { [wrapper]: Object.fromEntries(changed) };
}
