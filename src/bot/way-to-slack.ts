import { Agent, fetch, Pool, ProxyAgent, type Dispatcher } from "undici";
import { nameOfProxy, ProxyRefused, proxyFor, proxyTrouble } from "../core/proxies.ts";

/** How Slack's library reaches Slack: through the proxies of the environment, if there are any. */
export interface Outgoing {
  /** For the sockets of Socket Mode. */
  readonly socket: { readonly dispatcher?: Dispatcher };
  /** For the Web API. */
  readonly web: { readonly fetch?: typeof globalThis.fetch };
}

/** The way to Slack at this address; where no proxy is named for it, Slack's library connects as it always does. */
export function wayToSlack(apiUrl: string): Outgoing {
  if (proxyFor(apiUrl) === null && proxyFor("wss://wss-primary.slack.com") === null) return { socket: {}, web: {} };
  const direct = new Agent();
  const proxies = new Map<string, ProxyAgent>();
  const through = (uri: string): ProxyAgent => {
    const known = proxies.get(uri) ?? new ProxyAgent({ uri, clientFactory: (origin, options) => new ProxyPool(origin, options) });
    proxies.set(uri, known);
    return known;
  };
  // Uploads and sockets go to other hosts than the API: each origin is looked up by itself.
  const dispatcher = direct.compose((dispatch) => (options, handler) => {
    const proxy = proxyFor(String(options.origin));
    return proxy === null ? dispatch(options, handler) : through(proxy).dispatch(options, handler);
  });
  const proxied = (url: string, init: object = {}) =>
    fetch(url, { ...init, dispatcher }).catch((thrown: unknown) => {
      const trouble = proxyTrouble(thrown, url);
      throw trouble === null ? thrown : new ProxyRefused(trouble);
    });
  return { socket: { dispatcher }, web: { fetch: proxied as unknown as typeof globalThis.fetch } };
}

/** undici asks a proxy that ends its connection again without a pause or an end: here the request fails. Source: undici 7.30, client.js. */
class ProxyPool extends Pool {
  override connect(...of: unknown[]): Promise<Dispatcher.ConnectData> {
    const [options] = of as [Dispatcher.ConnectOptions & { readonly origin: string }];
    return super.connect(options).catch((thrown: unknown) => {
      const isCut = thrown instanceof Error && "code" in thrown && thrown.code === "UND_ERR_SOCKET";
      throw isCut ? new ProxyRefused(`${nameOfProxy(String(options.origin))} ended the connection without an answer`) : thrown;
    });
  }
}
