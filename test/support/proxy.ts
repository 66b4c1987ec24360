import { createServer, request as ask, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";

/** What a proxy does with what it is asked: passes it on, refuses, asks for a password, ends the connection. */
export type ProxyMood = "passes" | "refuses" | "asks" | "cuts";

/** A running HTTP proxy. */
export interface TestProxy {
  readonly port: number;
  /** What it was asked for: `CONNECT host:port`, or method and whole address; and with which password. */
  readonly seen: string[];
  mood: ProxyMood;
  close(): Promise<void>;
}

/** Starts a proxy on 127.0.0.1 that alone knows where names lead: `hosts` has their ports on this machine. */
export async function startProxy(hosts: Readonly<Record<string, number>>): Promise<TestProxy> {
  const proxy: { mood: ProxyMood; readonly seen: string[] } = { mood: "passes", seen: [] };
  const note = (what: string, request: IncomingMessage): void => {
    const given = request.headers["proxy-authorization"]?.replace(/^Basic /, "");
    proxy.seen.push(given === undefined ? what : `${what} by ${Buffer.from(given, "base64").toString("utf8")}`);
  };
  const status = (): number => ({ passes: 502, refuses: 403, asks: 407, cuts: 0 })[proxy.mood];
  const server = createServer((request, response: ServerResponse) => {
    note(`${request.method ?? ""} ${request.url ?? ""}`, request);
    const target = URL.canParse(request.url ?? "") ? new URL(request.url ?? "") : null;
    const port = target === null ? undefined : hosts[target.hostname];
    if (proxy.mood === "cuts") return void request.socket.destroy();
    if (proxy.mood !== "passes" || target === null || port === undefined) return void response.writeHead(status()).end("<html>");
    const { method, headers } = request;
    const onward = ask({ host: "127.0.0.1", port, method, headers, path: `${target.pathname}${target.search}` }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  const sockets = new Set<Socket>();
  server.on("connect", (request, socket: Socket) => {
    note(`CONNECT ${request.url ?? ""}`, request);
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    const port = hosts[(request.url ?? "").split(":")[0] ?? ""];
    if (proxy.mood === "cuts") return void socket.destroy();
    if (proxy.mood !== "passes" || port === undefined)
      return void socket.end(`HTTP/1.1 ${status()} No\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n`);
    const onward = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connected\r\n\r\n");
      socket.pipe(onward).pipe(socket);
    });
    sockets.add(onward);
    onward.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(proxy, {
    port: (server.address() as AddressInfo).port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
}

const NAMES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"] as const;

/** Sets the proxies of this process, and no others. */
export function setProxies(given: Partial<Record<(typeof NAMES)[number], string>> = {}): void {
  for (const name of NAMES) delete process.env[name];
  Object.assign(process.env, given);
}
