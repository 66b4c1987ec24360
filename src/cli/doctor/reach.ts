import { lookup } from "node:dns/promises";
import { connect, type Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import { proxyFor } from "../../core/proxies.ts";

/** Why a server does not answer, and what to do about it. */
export interface Unreached {
  readonly sentence: string;
  readonly remedy: string;
}

/** How long a host may take. Units: ms. */
const WAIT_MS = 5000;

/**
 * Looks for the reason why the server of a URL gave no answer, from the name to the protocol: null when nothing is found. `variable` holds
 * the URL. What is reached through a proxy is the proxy's to find: see `examineProxies`.
 */
export async function whyUnreached(url: string, variable: string): Promise<Unreached | null> {
  if (proxyFor(url) !== null) return null;
  const { hostname, protocol, port: given } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const isSecure = protocol === "https:";
  const port = given === "" ? (isSecure ? 443 : 80) : Number(given);
  const unknown = await lookup(host).then(
    () => null,
    (thrown: NodeJS.ErrnoException) => thrown.code ?? "unknown",
  );
  if (unknown !== null)
    return unknown === "EAI_AGAIN"
      ? { sentence: `the name ${host} could not be looked up, since no name server answers`, remedy: "Check this machine's name server." }
      : {
          sentence: `the name ${host} does not resolve`,
          remedy: `Correct ${variable}, or make the name known to this machine's name server.`,
        };
  const socket = await ended(connect({ host, port }));
  if (socket !== null) return { sentence: `${socketWords(socket, host, port)}`, remedy: `Start the server, or correct ${variable}.` };
  // Whatever certificate it has: only whether it speaks TLS is asked.
  const tls = await ended(
    connectSecurely({ host, port, servername: /^[\d.]+$|:/.test(host) ? "" : host, rejectUnauthorized: false }),
    "secureConnect",
  );
  if (isSecure && tls !== null && tls !== "ECONNRESET" && tls !== "timeout")
    return {
      sentence: `port ${port} of ${host} does not speak TLS, but ${variable} begins with https:`,
      remedy: `Name the port that speaks TLS, or write http: in ${variable}, where nobody else can read the traffic.`,
    };
  if (!isSecure && tls === null)
    return { sentence: `port ${port} of ${host} speaks TLS, but ${variable} begins with http:`, remedy: `Write https: in ${variable}.` };
  return null;
}

/** Waits until a socket is connected, and ends it: null, or the code of what was in the way. */
export function ended(socket: Socket, event: "connect" | "secureConnect" = "connect"): Promise<string | null> {
  return new Promise((resolve) => {
    const done = (what: string | null): void => {
      socket.destroy();
      resolve(what);
    };
    socket.setTimeout(WAIT_MS, () => done("timeout"));
    socket.once(event, () => done(null));
    socket.on("error", (e: NodeJS.ErrnoException) => done(e.code ?? "unknown"));
    socket.once("close", () => done("ECONNRESET"));
  });
}

function socketWords(code: string, host: string, port: number): string {
  if (code === "ECONNREFUSED") return `nothing listens at port ${port} of ${host}`;
  if (code === "timeout" || code === "ETIMEDOUT") return `${host} does not answer at port ${port}`;
  return code === "EHOSTUNREACH" || code === "ENETUNREACH"
    ? `there is no way from here to ${host}`
    : `${host} refuses connections to port ${port} (${code})`;
}
