import { connect } from "node:net";
import { connect as connectSecurely } from "node:tls";
import type { Config } from "../../config/config.ts";
import { nameOfProxy, proxyFor, PROXY_REMEDY } from "../../core/proxies.ts";
import { checksOf, type Check } from "./check.ts";

const { ok, failed } = checksOf("proxy");

/** How long a proxy may take. Units: ms. */
const WAIT_MS = 5000;

/** What leaves by HTTP. */
export type Outside = "cloudstack" | "slack" | "archive" | "webhook";

/** The findings on the proxies, and what no working proxy leads to. */
export interface ProxyFindings {
  readonly checks: readonly Check[];
  readonly cutOff: ReadonlySet<Outside>;
}

/** Checks each proxy that the environment names: for what it is used, and whether it leads there. Nothing is said without proxies. */
export async function examineProxies(config: Config): Promise<ProxyFindings> {
  const targets = targetsOf(config).map((t) => ({ ...t, proxy: proxyFor(t.url) }));
  if (targets.every((t) => t.proxy === null)) return { checks: [], cutOff: new Set() };
  const looked = await Promise.all(
    targets.map(async (t) => ({ ...t, why: t.proxy === null ? null : await whyNotThrough(t.proxy, new URL(t.url)) })),
  );
  const proxies = [...new Set(looked.flatMap((t) => (t.proxy === null ? [] : [t.proxy])))];
  const checks = proxies.flatMap((proxy) => {
    const through = looked.filter((t) => t.proxy === proxy);
    const broken = through.filter((t) => t.why !== null);
    const words = [...new Set(broken.map((t) => t.why ?? ""))];
    const fine = through.filter((t) => t.why === null);
    return [
      ...(fine.length === 0 ? [] : [ok(`${nameOfProxy(proxy)} leads to ${namesOf(fine)}`)]),
      ...words.map((why) =>
        failed(`${nameOfProxy(proxy)}, used for ${namesOf(broken.filter((t) => t.why === why))}, ${why}`, PROXY_REMEDY),
      ),
    ];
  });
  const direct = looked.filter((t) => t.proxy === null);
  const without = [...new Set([...direct.map((t) => t.name), "databases"])].join(", ");
  return {
    checks: [...checks, ok(`reached without a proxy: ${without}`)],
    cutOff: new Set(looked.flatMap((t) => (t.why === null ? [] : [t.what]))),
  };
}

interface Target {
  readonly what: Outside;
  readonly name: string;
  readonly url: string;
}

function targetsOf({ cloudstack, slack, archive, notices }: Config): readonly Target[] {
  const { place } = archive;
  const endpoint = place.kind === "s3" ? (place.endpoint ?? `https://s3.${place.region}.amazonaws.com`) : null;
  return [
    { what: "cloudstack", name: "CloudStack", url: cloudstack.url },
    { what: "slack", name: "Slack", url: slack.apiUrl },
    ...(slack.connection.mode === "socket" && slack.apiUrl.startsWith("https://slack.com/")
      ? [{ what: "slack", name: "Slack's sockets", url: "wss://wss-primary.slack.com" } as const]
      : []),
    ...(endpoint === null ? [] : [{ what: "archive", name: "the archive's bucket", url: endpoint } as const]),
    ...(notices.webhook === null ? [] : [{ what: "webhook", name: "the webhook", url: notices.webhook.url } as const]),
  ];
}

function namesOf(targets: readonly Target[]): string {
  return targets.map((t) => t.name).join(", ");
}

/** Asks a proxy for a tunnel to a server, and ends it at once: null, or what the proxy does instead. */
async function whyNotThrough(proxy: string, target: URL): Promise<string | null> {
  const at = new URL(proxy);
  const isSecure = at.protocol === "https:";
  const place = { host: at.hostname.replace(/^\[|\]$/g, ""), port: at.port === "" ? (isSecure ? 443 : 80) : Number(at.port) };
  // Without TLS a request is passed on whole, not through a tunnel: only whether the proxy is there can be asked without sending one.
  const needsTunnel = /^(?:https|wss):$/.test(target.protocol);
  return new Promise((resolve) => {
    const socket = isSecure ? connectSecurely({ ...place, servername: place.host }) : connect(place);
    const done = (what: string | null): void => {
      socket.destroy();
      resolve(what);
    };
    socket.setTimeout(WAIT_MS, () => done("does not answer"));
    socket.on("error", (e: NodeJS.ErrnoException) => done(wordsOf(e.code)));
    socket.once("close", () => done("ended the connection without an answer"));
    socket.once(isSecure ? "secureConnect" : "connect", () => {
      if (!needsTunnel) return done(null);
      const where = `${target.hostname}:${target.port === "" ? 443 : target.port}`;
      socket.write(`CONNECT ${where} HTTP/1.1\r\nHost: ${where}\r\n${passwordLine(at)}\r\n`);
    });
    socket.once("data", (bytes: Buffer) => {
      const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(bytes.toString("latin1"))?.[1] ?? 0);
      if (status === 200) return done(null);
      done(
        status === 407 ? "asks for a user and a password (407)" : status === 0 ? "is no HTTP proxy" : `does not connect there (${status})`,
      );
    });
  });
}

function passwordLine({ username, password }: URL): string {
  if (username === "") return "";
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Proxy-Authorization: Basic ${Buffer.from(pair).toString("base64")}\r\n`;
}

function wordsOf(code: string | undefined): string {
  if (code === "ENOTFOUND") return "has a name that does not resolve";
  return code === "ECONNREFUSED" ? "is not there: nothing listens at its port" : `cannot be reached (${code ?? "unknown"})`;
}
