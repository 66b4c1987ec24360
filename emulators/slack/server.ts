import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { administrationOf } from "./administration.ts";
import type { ApiWorld } from "./api/method.ts";
import { serveControl, type Control } from "./control.ts";
import type { SentCall, SlackFaults } from "./control-api.ts";
import { AppLink } from "./delivery.ts";
import { DEFAULT_EVENTS, Events, RETRY_DELAYS_MS } from "./events.ts";
import { FaultBoard } from "./faults.ts";
import { serveFile, serveUpload } from "./file-store.ts";
import { readJsonObject, sendJson } from "./http-io.ts";
import { peopleOf } from "./interactions.ts";
import { PostRate } from "./post-rate.ts";
import { respond } from "./response-url.ts";
import type { SlackSeed } from "./seed.ts";
import { SentLog } from "./sent-log.ts";
import { SignedHttp } from "./signed-http.ts";
import { SocketMode } from "./socket-mode.ts";
import { loadState, StateKeeper } from "./state-file.ts";
import { Triggers } from "./triggers.ts";
import { viewFor } from "./view.ts";
import { serveApi } from "./web-api.ts";
import { Workspace } from "./workspace.ts";

export type { SlackSeed } from "./seed.ts";
export type { Control } from "./control.ts";

const ACK_MS = 3_000;
const SAVE_DELAY_MS = 150;

/** How an emulator is started. */
export interface SlackEmulatorOptions {
  readonly seed: SlackSeed;
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** The address to listen on; 127.0.0.1 by default, since nobody is asked who they are. */
  readonly host?: string;
  /** The name of this machine in the addresses that are given out, where others know it by another name. */
  readonly publicHost?: string;
  readonly now?: () => number;
  /** Everything survives a restart in this file. */
  readonly stateFile?: string;
  /** Shortest time between two posts in one channel, after a burst of five; 0, the default, is off. Units: milliseconds. */
  readonly postRateMs?: number;
  /** The bot events that the app subscribed to; by default those of the project's manifest. */
  readonly events?: readonly string[];
  /** How long the app has to acknowledge, and to use a trigger_id. Default 3,000, as Slack. Units: milliseconds. */
  readonly ackMs?: number;
  /** When an event that was not acknowledged comes again. Default: at once, after 1 min, after 5 min. Units: milliseconds. */
  readonly retryDelaysMs?: readonly number[];
}

/** A running emulator. */
export interface SlackEmulator {
  /** For the bot: `SLACK_API_URL`, `http://127.0.0.1:PORT/api/`. */
  readonly apiUrl: string;
  /** For the control API, `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly workspace: Workspace;
  /** The control API's operations, without HTTP. */
  readonly control: Control;
  /** How many sockets the app has open. */
  connections(): number;
  /** HTTP mode with this request URL, or Socket Mode with null. */
  setRequestUrl(url: string | null): void;
  /** Does the request URL answer Slack's challenge? */
  verifyRequestUrl(): Promise<boolean>;
  setFaults(faults: SlackFaults): void;
  sent(): readonly SentCall[];
  close(): Promise<void>;
}

/** Starts a Slack to run against, on 127.0.0.1 unless `host` says otherwise. Source: facts on Slack; Slack's own clients are its test. */
export async function startSlackEmulator(options: SlackEmulatorOptions): Promise<SlackEmulator> {
  const inside = new Inside(options);
  const server = createServer((request, response) => {
    inside.serve(request, response).catch((thrown: unknown) => {
      if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain" });
      response.end(`The emulator broke: ${String(thrown)}`);
    });
  });
  server.keepAliveTimeout = 30_000;
  server.on("upgrade", (request, socket, head) => inside.sockets.upgrade(request, socket, head));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, options.host ?? "127.0.0.1", resolve);
  });
  inside.origin = `http://${options.publicHost ?? "127.0.0.1"}:${(server.address() as AddressInfo).port}`;
  return {
    apiUrl: `${inside.origin}/api/`,
    url: inside.origin,
    workspace: inside.ws,
    control: inside.control,
    connections: () => inside.sockets.connections,
    setRequestUrl: (url) => {
      inside.link.requestUrl = url;
    },
    verifyRequestUrl: () => (inside.link.requestUrl === null ? Promise.resolve(false) : inside.http(inside.link.requestUrl).verify()),
    setFaults: (faults) => inside.setFaults(faults),
    sent: () => inside.log.list(),
    close: () => inside.close(server),
  };
}

/** The server's inside: the parts, wired. */
class Inside {
  readonly ws: Workspace;
  readonly sockets: SocketMode;
  readonly link: AppLink;
  readonly control: Control;
  readonly log: SentLog;
  origin = "";
  readonly #options: SlackEmulatorOptions;
  readonly #now: () => number;
  readonly #world: ApiWorld;
  readonly #faults = new FaultBoard();
  readonly #keeper: StateKeeper | null;

  constructor(options: SlackEmulatorOptions) {
    const { seed, stateFile } = options;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    const now = this.#now;
    this.ws = new Workspace(seed, now, stateFile === undefined ? undefined : loadState(stateFile, seed, now()));
    this.#keeper = stateFile === undefined ? null : new StateKeeper(this.ws, stateFile, SAVE_DELAY_MS);
    this.log = new SentLog(now);
    this.sockets = new SocketMode({ appId: seed.app.id, now, ackMs: options.ackMs ?? ACK_MS });
    const ways = { sockets: this.sockets, http: (url: string) => this.http(url), copies: () => this.#faults.copies };
    this.link = new AppLink(ways, seed.app.requestUrl ?? null);
    const subscribed = options.events ?? DEFAULT_EVENTS;
    this.#world = {
      ws: this.ws,
      events: new Events(this.ws, this.link, { subscribed, retryDelaysMs: options.retryDelaysMs ?? RETRY_DELAYS_MS }),
      triggers: new Triggers(now, options.ackMs ?? ACK_MS),
      sockets: this.sockets,
      postRate: new PostRate(now, options.postRateMs ?? 0),
      origin: () => this.origin,
    };
    this.control = {
      ...peopleOf(this.#world, this.link),
      ...administrationOf(this.#world),
      view: (as) => viewFor(this.ws, as),
      sent: () => this.log.list(),
      faults: async (faults) => {
        this.setFaults(faults);
        return { ok: true, acked: true, ackMs: 0 };
      },
    };
  }

  http(url: string): SignedHttp {
    const { signingSecret: secret } = this.#options.seed.app;
    return new SignedHttp({ url, secret, now: this.#now, ackMs: this.#options.ackMs ?? ACK_MS });
  }

  setFaults(faults: SlackFaults): void {
    this.#faults.set(faults);
    if (faults.dropSockets === true) this.sockets.drop();
    if (faults.refreshSockets === true) this.sockets.refresh();
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.origin);
    const [, top] = url.pathname.split("/");
    if (top === "api") return serveApi(this.#world, { faults: this.#faults, log: this.log }, url, request, response);
    if (top === "emulator") return serveControl(this.control, this.ws, url, request, response);
    if (top === "upload") return serveUpload(this.ws, url, request, response);
    if (top === "files" || top === "files-pri") return serveFile(this.ws, url, request, response);
    if (top === "actions") return this.#respond(url, request, response);
    sendJson(response, 404, { ok: false, error: "not_found" });
  }

  close(server: Server): Promise<void> {
    this.#world.events.close();
    this.sockets.close();
    this.#keeper?.close();
    return new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  async #respond(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const said = await readJsonObject(request);
    if (said === null) return sendJson(response, 400, { ok: false, error: "invalid_payload" });
    const answer = respond(this.#world, url.pathname.split("/").at(-1) ?? "", said);
    this.log.add("response_url", said, answer.body);
    sendJson(response, answer.status, answer.body);
  }
}
