import { createServer } from "node:net";
import { isLocal } from "../../archive/links.ts";
import type { Config } from "../../config/config.ts";
import { checksOf, type Check } from "./check.ts";

const { ok, warning, failed } = checksOf("http");
/** How long an address may take to answer. Units: ms. */
const ANSWER_MS = 5000;

/** Checks the port for export links, the public address, and in HTTP mode Slack's port. A port is held for a moment only. */
export async function examineHttp(config: Config): Promise<readonly Check[]> {
  const { host, port, publicUrl } = config.http;
  const own = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const checks = [await portCheck(host, port, "TWOKEY_HTTP_PORT", `${own}/healthz`)];
  const { connection } = config.slack;
  if (connection.mode === "http") checks.push(await portCheck(connection.host, connection.port, "SLACK_PORT", null));
  const local = publicUrl !== null && isLocal(publicUrl) ? [localPublic(publicUrl)] : [];
  return [...checks, ...local, await publicCheck(publicUrl, config.archive.place)];
}

async function portCheck(host: string, port: number, variable: string, health: string | null): Promise<Check> {
  if (port === 0) return warning(`${variable} is 0: the port changes with every start`, `Set ${variable} to a fixed port.`);
  const code = await bind(host, port);
  if (code === null) return ok(`${variable}: port ${port} on ${host} is free`);
  if (code === "EADDRINUSE" && (health === null || (await answers(health))))
    return ok(`${variable}: port ${port} on ${host} is in use${health === null ? "; it should be a running bot" : " by a running bot"}`);
  return code === "EADDRINUSE"
    ? failed(`${variable}: port ${port} on ${host} is taken by another program`, `Set ${variable} to another one.`)
    : failed(
        `${variable}: port ${port} on ${host} cannot be used (${code})`,
        "Check TWOKEY_HTTP_HOST and the port; ports below 1024 need extra privileges.",
      );
}

function localPublic(url: string): Check {
  const said = `TWOKEY_PUBLIC_URL is ${new URL(url).host}: links to exports open on this machine only`;
  return warning(said, "Set it to the address at which people reach Twokey.");
}

async function publicCheck(url: string | null, place: Config["archive"]["place"]): Promise<Check> {
  if (url === null && place.kind === "s3" && place.signsLinks)
    return ok("TWOKEY_PUBLIC_URL is not set: people get addresses that the archive's bucket signs, which nobody can revoke for an hour");
  if (url === null)
    return warning(
      "TWOKEY_PUBLIC_URL is not set: nobody gets a link to an export, unless TWOKEY_HTTP_HOST is an address that people reach",
      "Set it to the address at which people reach Twokey.",
    );
  const { protocol, host } = new URL(url);
  if (protocol !== "https:" && !isLocal(url))
    return warning(
      `TWOKEY_PUBLIC_URL is not https: whoever can read the traffic to ${host} can use an export link`,
      "Put a proxy with TLS in front of it.",
    );
  return (await answers(`${url.replace(/\/$/, "")}/healthz`))
    ? ok(`TWOKEY_PUBLIC_URL: the bot answers at ${host}`)
    : warning(`TWOKEY_PUBLIC_URL: no bot answers at ${host}`, "When the bot runs, its /healthz must be reachable there: check the proxy.");
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS), redirect: "manual" });
    return response.status === 200 && (await response.text()) === "ok\n";
  } catch {
    return false; // The question was whether it answers; any error is a no.
  }
}

function bind(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (e: NodeJS.ErrnoException) => resolve(e.code ?? "unknown"));
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
}
