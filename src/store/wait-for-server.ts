import { withConnection } from "./db.ts";

/** Time as the process has it, and who is told why it waits. */
export interface Waiting {
  readonly steadyMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly tell: (sentence: string) => void;
}

/** PostgreSQL did not answer for so long that somebody must look. */
export class ServerAway extends Error {
  override readonly name = "ServerAway";
}

/** How long a start waits: a server that replays its log after a power cut needs minutes. Units: milliseconds. */
const WAIT_MS_MAX = 5 * 60_000;
/** It is said at once, and then so often. Units: milliseconds. */
const TOLD_EVERY_MS = 60_000;
const PAUSE_MS_MAX = 10_000;

/** Errors of the socket and of PostgreSQL (appendix A of its manual) that end by themselves, with what they mean. */
const PASSING: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there",
  ENOENT: "its socket is not there",
  ENOTFOUND: "that name is not known",
  EAI_AGAIN: "no name server answers",
  ETIMEDOUT: "nothing answers there",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "there is no way to it",
  ECONNRESET: "it broke the connection off",
  EPIPE: "it broke the connection off",
  "57P01": "it is being shut down",
  "57P03": "it is starting, or recovers",
  "53300": "it has too many connections",
};

/**
 * Waits until Twokey's own database can be connected to: after a machine's start PostgreSQL is often later than the bot.
 *
 * What waiting does not help against (a wrong password, a database that is not there) is left to who connects next. Errors: `ServerAway`
 * after five minutes; its sentence names the server, and no password.
 */
export async function waitForServer(url: string, w: Waiting): Promise<void> {
  const began = w.steadyMs();
  let told = -Infinity;
  for (let pause = 1_000; ; pause = Math.min(2 * pause, PAUSE_MS_MAX)) {
    const why = await whyNoConnection(url);
    if (why === null) return;
    const waited = w.steadyMs() - began;
    const sentence = `Twokey's own database does not answer (PostgreSQL at ${placeOf(url)}: ${why})`;
    if (waited >= WAIT_MS_MAX) throw new ServerAway(`${sentence}, for five minutes now. Start PostgreSQL, or correct DATABASE_URL.`);
    if (w.steadyMs() - told >= TOLD_EVERY_MS) {
      w.tell(`${sentence}. It is tried again until ${Math.ceil((WAIT_MS_MAX - waited) / 1000)} s from now.`);
      told = w.steadyMs();
    }
    await w.sleep(pause);
  }
}

/** What passes by itself; null: it is connected, or something else is wrong. */
async function whyNoConnection(url: string): Promise<string | null> {
  try {
    await withConnection(url, async () => undefined);
    return null;
  } catch (thrown) {
    const first: unknown = thrown instanceof AggregateError ? thrown.errors[0] : thrown;
    return PASSING[String((first as { readonly code?: unknown } | null)?.code)] ?? null;
  }
}

function placeOf(url: string): string {
  const { host, searchParams } = new URL(url);
  return searchParams.get("host") ?? (host === "" ? "localhost" : host);
}
