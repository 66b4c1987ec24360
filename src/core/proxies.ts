/** HTTP proxies, as HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the process name them, for everything that leaves by HTTP. */
import { Agent, type ClientRequest } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { ProxyAgent } from "proxy-agent";

/** A proxy answered itself, or ended the connection: nothing was sent to the server. The message names the proxy, without its password. */
export class ProxyRefused extends Error {
  override readonly name = "ProxyRefused";
  readonly code = "EPROXY";
}

const environment = new ProxyAgent();

/** The proxy for a URL; null: none. What runs on this machine is never reached by one. */
export function proxyFor(url: string): string | null {
  const at = new URL(url);
  if (/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(at.hostname)) return null;
  const proxy = environment.getProxyForUrl(url.replace(/^ws/, "http"), undefined as unknown as ClientRequest);
  return typeof proxy === "string" && proxy !== "" ? proxy : null;
}

/** A proxy's host and port, never its user and password. */
export function nameOfProxy(proxy: string): string {
  return URL.canParse(proxy) ? `the proxy ${new URL(proxy).host}` : "the proxy";
}

/** What to do about a proxy that does not pass requests on. */
export const PROXY_REMEDY =
  "Check HTTPS_PROXY and HTTP_PROXY (http://user:password@host:port), and name in NO_PROXY what is reached without it.";

/**
 * What a proxy did instead of passing a request for `url` on: nothing was sent to the server. Null: there is none, or it did pass it on.
 *
 * With a proxy in use nothing else is connected to, so every connection that was never made is one to the proxy.
 */
export function proxyTrouble(thrown: unknown, url: string): string | null {
  const proxy = URL.canParse(url) ? proxyFor(url) : null;
  if (proxy === null) return null;
  const own = refusedByProxy(thrown);
  if (own !== null) return own;
  const errors = causesOf(thrown);
  const who = nameOfProxy(proxy);
  const said = errors.map((e) => e.message).join("\n");
  const status = /Proxy response \((\d+)\)|Proxy Authentication Required \((407)\)/.exec(said);
  if (status !== null) return refusalOf(who, Number(status[1] ?? status[2]));
  if (/Proxy connection ended/.test(said)) return `${who} ended the connection without an answer`;
  const code = errors.map((e) => ("code" in e && typeof e.code === "string" ? e.code : "")).find((c) => NOT_CONNECTED.test(c));
  return code === undefined ? null : `${who} cannot be reached (${code})`;
}

/** What a proxy did, found in what a library made of a `ProxyRefused`; null: it was something else. */
export function refusedByProxy(thrown: unknown): string | null {
  return causesOf(thrown).find((e) => e instanceof ProxyRefused)?.message ?? null;
}

/** The sentence for an answer by which a proxy, and no server behind it, refuses a request to `url`; null: it is not one. */
export function proxyAnswer(status: number, url: string): string | null {
  const proxy = status === 407 ? proxyFor(url) : null;
  return proxy === null ? null : refusalOf(nameOfProxy(proxy), status);
}

/** The agents for one client: through the proxy where there is one for the address. `onlyTo`: the client calls nothing but this URL. */
export function outgoingAgents({ keepAlive, onlyTo }: { readonly keepAlive: boolean; readonly onlyTo?: string }): {
  readonly httpAgent: Agent;
  readonly httpsAgent: Agent;
} {
  const direct = { httpAgent: new Agent({ keepAlive }), httpsAgent: new SecureAgent({ keepAlive }) };
  // The library's agent takes a stack trace for each request, to learn who asks.
  if (onlyTo !== undefined && URL.canParse(onlyTo) && proxyFor(onlyTo) === null) return direct;
  const agent = new CheckedAgent({ keepAlive, ...direct, getProxyForUrl: (url) => proxyFor(url) ?? "" });
  return { httpAgent: agent, httpsAgent: agent };
}

/** What ends a connection later may have come from behind the proxy, after the request was passed on. */
const NOT_CONNECTED = /^(?:E(?:CONNREFUSED|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH|ADDRNOTAVAIL)|UND_ERR_CONNECT_TIMEOUT)$/;

/** A proxy's own answer to CONNECT would otherwise look like the server's. */
class CheckedAgent extends ProxyAgent {
  override async connect(...[request, options]: Parameters<ProxyAgent["connect"]>): ReturnType<ProxyAgent["connect"]> {
    request.once("proxyConnect", ({ statusCode }: { readonly statusCode?: number }) => {
      if (statusCode === undefined || statusCode === 200) return;
      const proxy = proxyFor(`${options.secureEndpoint ? "https" : "http"}://${String(request.getHeader("host"))}/`);
      request.destroy(new ProxyRefused(refusalOf(nameOfProxy(proxy ?? ""), statusCode)));
    });
    return super.connect(request, options);
  }
}

function refusalOf(who: string, status: number): string {
  return status === 407 ? `${who} asks for a user and a password (407)` : `${who} does not connect there (${status})`;
}

function causesOf(thrown: unknown): readonly Error[] {
  const found: Error[] = [];
  for (let one = thrown; one instanceof Error && found.length < 6; one = "original" in one ? one.original : one.cause) found.push(one);
  return found;
}
