import { createServer, type AddressInfo } from "node:net";
import { parseArgs } from "node:util";

/** The first of the demo's ports; the others follow it. */
export const defaultPort = 18_090;

/** Where the demo's servers listen. */
export interface DemoPorts {
  readonly page: number;
  readonly slack: number;
  readonly cloudstack: number;
  /** The bot's own server: the links to exports. */
  readonly links: number;
}

/** A sentence for whoever starts the demo: it cannot start like this. */
export class CannotStart extends Error {}

/** The first port, from `--port`, else `TWOKEY_DEMO_PORT`. 0 stands for any ports that are free. Errors: `CannotStart`. */
export function firstPort(args: readonly string[], env: Readonly<Record<string, string | undefined>>): number {
  let typed: string | undefined;
  try {
    typed = parseArgs({ args: [...args], options: { port: { type: "string" } } }).values.port;
  } catch (thrown) {
    throw new CannotStart(`${thrown instanceof Error ? thrown.message : String(thrown)} Use: npm run demo [-- --port 19000]`);
  }
  const words = typed ?? env["TWOKEY_DEMO_PORT"] ?? String(defaultPort);
  const port = /^\d{1,5}$/.test(words) ? Number(words) : -1;
  if (port === 0 || (port >= 1024 && port <= 65_532)) return port;
  throw new CannotStart(`"${words}" is no port for the demo. Give a number from 1024 to 65532: npm run demo -- --port 19000`);
}

/** The four ports from the first on; for 0 four that are free. */
export async function portsFrom(first: number): Promise<DemoPorts> {
  if (first !== 0) return { page: first, slack: first + 1, cloudstack: first + 2, links: first + 3 };
  return { page: 0, slack: 0, cloudstack: 0, links: await findFreePort() };
}

/** The first of these ports that another program has; null when all are free. */
export async function findTaken(ports: DemoPorts): Promise<number | null> {
  for (const port of Object.values(ports)) if (!(await isFree(port))) return port;
  return null;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** A port that nobody listens on at this moment. */
async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
