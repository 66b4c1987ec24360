import { App, type HTTPReceiver, SocketModeReceiver, type Logger } from "@slack/bolt";
import type { Clock, Sleep } from "../core/clock.ts";
import type { Events } from "../events.ts";
import { createHttpReceiver, startListening } from "./http-receiver.ts";
import { loggedFetch, type Fetch } from "./outgoing.ts";
import { libraryLogger } from "./slack.ts";
import { wayToSlack } from "./way-to-slack.ts";

/** How Slack reaches the bot. */
export interface ConnectionOptions {
  readonly botToken: string;
  readonly connection:
    | { readonly mode: "socket"; readonly appToken: string }
    | { readonly mode: "http"; readonly signingSecret: string; readonly host: string; readonly port: number };
  readonly apiUrl: string;
  readonly events: Events;
  readonly now: Clock;
  readonly sleep: Sleep;
}

/** The connection by which Slack sends what people do. */
export interface Connection {
  readonly app: App;
  start(): Promise<void>;
  /** Why nothing comes of Slack now, in a sentence; null: it does. */
  problem(): string | null;
}

/** Makes it. A lost WebSocket is opened again by Slack's library; over HTTP it is only known that the bot listens. */
export function createConnection(o: ConnectionOptions): Connection {
  const { connection } = o;
  let problem: string | null = "The bot is not connected to Slack yet";
  const become = (now: string | null): void => {
    if (now === problem) return;
    problem = now;
    o.events[now === null ? "info" : "warn"]("slack.connection", { problem });
  };
  const isHttp = connection.mode === "http";
  let wasConnected = false;
  const refusedBy: RefusedBy = (code) => {
    if (wasConnected) become(`Slack refuses to connect again: ${code}. It is asked every 30 seconds; if it stays, check SLACK_APP_TOKEN`);
    return wasConnected;
  };
  const receiver = isHttp
    ? createHttpReceiver(connection.signingSecret, quiet(o.events))
    : createSocketReceiver(connection.appToken, o, refusedBy);
  if (receiver instanceof SocketModeReceiver) {
    endSilent(receiver.client, o.sleep);
    receiver.client.on("connected", () => become(null));
    for (const lost of ["reconnecting", "disconnected"])
      receiver.client.on(lost, () => become("The connection to Slack is lost; it is opened again as soon as Slack answers"));
  }
  const app = createApp(o, receiver);
  return {
    app,
    async start() {
      await app.init();
      if (connection.mode === "http") await startListening(app, connection);
      else await app.start();
      wasConnected = true;
      become(null);
    },
    problem: () => problem,
  };
}

/**
 * How long a pong may take. Short, since the library also waits that long before it connects again after Slack's refresh every few
 * hours; not shorter, since a busy machine or a slow line must not lose its connection: a click at that moment is lost. Units: ms.
 */
const PONG_MS_MAX = 3000;

function createApp(o: ConnectionOptions, receiver: SocketModeReceiver | HTTPReceiver): App {
  return new App({
    receiver,
    token: o.botToken,
    deferInitialization: true,
    convoStore: false,
    logger: quiet(o.events),
    clientOptions: {
      fetch: loggedFetch(o.apiUrl, o, wayToSlack(o.apiUrl).web.fetch),
      slackApiUrl: o.apiUrl,
      timeout: 10_000,
      retryConfig: { retries: 2, minTimeout: 200, maxTimeout: 2000 },
    },
  });
}

/** Is told why Slack gave no connection; says whether to ask again. */
type RefusedBy = (code: string) => boolean;

/** How long Slack is not asked again for a connection that it refused, and how long it may take to answer. Units: milliseconds. */
const [REFUSED_MS, ANSWER_MS] = [30_000, 10_000];

/**
 * Asks again for a connection that Slack refused. Slack's library takes `invalid_auth`, `account_inactive` and the like for the end, and
 * would never connect again, although such a refusal may pass. It also waits five minutes for an answer that does not come.
 *
 * Source: @slack/socket-mode 3.1, `UnrecoverableSocketModeStartError`; undici, `headersTimeout`.
 */
function askingAgain(send: Fetch, sleep: Sleep, refusedBy: RefusedBy): Fetch {
  return async (address, init) => {
    for (;;) {
      const response = await send(address, { ...init, signal: AbortSignal.timeout(ANSWER_MS) });
      if (response.status !== 200) return response;
      const text = await response.text();
      const code = codeOfRefusal(text);
      if (code === null || !refusedBy(code)) return new Response(text, { headers: Object.fromEntries(response.headers.entries()) });
      await sleep(REFUSED_MS);
    }
  };
}

/** How long Slack may take to say hello on a connection. Units: milliseconds. */
const HELLO_MS = 30_000;

/** What of Slack's library its types leave out: the connection it has, or wants; `readyState` is undefined once it is closed. */
interface Line {
  readonly readyState: number | undefined;
  disconnect(): void;
}

/** Ends a connection on which Slack says no hello: the library would wait on it forever, and opens another one after its end. */
function endSilent(client: SocketModeReceiver["client"], sleep: Sleep): void {
  const line = (): Line | undefined => (client as unknown as { readonly websocket?: Line }).websocket;
  let over = new AbortController();
  client.on("connecting", () => {
    over.abort();
    over = new AbortController();
    const wanted = line();
    sleep(HELLO_MS, over.signal).then(
      () => (wanted === line() && wanted?.readyState !== undefined ? wanted.disconnect() : undefined),
      () => undefined,
    );
  });
  for (const end of ["connected", "disconnecting", "disconnected"]) client.on(end, () => over.abort());
}

/** Slack's code in an answer that gives no connection; null: it is no such answer. */
function codeOfRefusal(answer: string): string | null {
  try {
    const said = JSON.parse(answer) as { ok?: unknown; error?: unknown } | null;
    return said?.ok === false ? String(said.error) : null;
  } catch {
    return null; // It is no JSON: the library says so.
  }
}

function createSocketReceiver(appToken: string, o: ConnectionOptions, refusedBy: RefusedBy): SocketModeReceiver {
  // Its own client options: Socket Mode writes into them, and a bounded retry there would end the process.
  const way = wayToSlack(o.apiUrl);
  const retryConfig = { forever: true, minTimeout: 250, maxTimeout: 5000, factor: 1.3 };
  return new SocketModeReceiver({
    appToken,
    clientPingTimeout: PONG_MS_MAX,
    logger: quiet(o.events),
    ...way.socket,
    installerOptions: {
      clientOptions: {
        slackApiUrl: o.apiUrl,
        retryConfig,
        fetch: askingAgain(loggedFetch(o.apiUrl, o, way.web.fetch), o.sleep, refusedBy),
      },
    },
  });
}

/** The warnings and errors of Slack's library become lines of our log. */
export function quiet(events: Events): Logger {
  return libraryLogger((level, parts) =>
    events[level]("slack.library", { said: parts.map((p) => (p instanceof Error ? p.message : String(p))).join(" ") }),
  );
}
