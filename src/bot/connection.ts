import { App, type HTTPReceiver, SocketModeReceiver, type Logger } from "@slack/bolt";
import type { Clock } from "../core/clock.ts";
import type { Events } from "../events.ts";
import { createHttpReceiver, startListening } from "./http-receiver.ts";
import { loggedFetch } from "./outgoing.ts";
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
  const receiver = isHttp ? createHttpReceiver(connection.signingSecret, quiet(o.events)) : createSocketReceiver(connection.appToken, o);
  if (receiver instanceof SocketModeReceiver) {
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

function createSocketReceiver(appToken: string, o: ConnectionOptions): SocketModeReceiver {
  // Its own client options: Socket Mode writes into them, and a bounded retry there would end the process.
  const way = wayToSlack(o.apiUrl);
  const retryConfig = { forever: true, minTimeout: 250, maxTimeout: 5000, factor: 1.3 };
  return new SocketModeReceiver({
    appToken,
    clientPingTimeout: PONG_MS_MAX,
    logger: quiet(o.events),
    ...way.socket,
    installerOptions: { clientOptions: { slackApiUrl: o.apiUrl, retryConfig, fetch: loggedFetch(o.apiUrl, o, way.web.fetch) } },
  });
}

/** The warnings and errors of Slack's library become lines of our log. */
export function quiet(events: Events): Logger {
  return libraryLogger((level, parts) =>
    events[level]("slack.library", { said: parts.map((p) => (p instanceof Error ? p.message : String(p))).join(" ") }),
  );
}
