import { oneLine } from "./reimport-text.ts";
import type { CliIo } from "./command.ts";

/** How far a command is. */
export interface Progress {
  /** One line of what was done; `at`: after it, so many of so many are done. */
  say(line: string, at?: Done): void;
  /** Takes the bar away: what follows is the result. */
  end(): void;
}

/** So many of so many. */
export interface Done {
  readonly done: number;
  readonly total: number;
}

const BAR = 24;
/** Takes the line away that the cursor is in. */
const CLEAR = "\r\u001b[K";

/**
 * Shows how far a command is: on a terminal as a bar, with the time that is left by the time it took so far; anywhere else as lines, so
 * that a log has them; with JSON on the output not at all.
 */
export function progressOf(io: CliIo, isForScript: boolean): Progress {
  const columns = io.columns ?? null;
  if (columns === null) return { say: isForScript ? () => undefined : (line) => io.out(`${oneLine(line)}\n`), end: () => undefined };
  const start = io.now();
  let bar = "";
  return {
    say(line, at) {
      if (at === undefined) return io.err(`${CLEAR}${oneLine(line)}\n${bar}`);
      const text = `${barOf(at)} ${at.done}/${at.total}${leftOf(at, io.now() - start)}  ${oneLine(line)}`;
      // The last column stays free: a full line would begin a new one.
      bar = [...text].slice(0, Math.max(0, columns - 1)).join("");
      io.err(`${CLEAR}${bar}`);
    },
    end: () => io.err(bar === "" ? "" : CLEAR),
  };
}

/** Says on a terminal what is waited for while it lasts, and takes the line away; anywhere else it says nothing. */
export async function saying<T>(io: CliIo, line: string, work: Promise<T>): Promise<T> {
  const columns = io.columns ?? null;
  if (columns === null) return work;
  io.err(`${CLEAR}${[...oneLine(line)].slice(0, Math.max(0, columns - 1)).join("")}`);
  try {
    return await work;
  } finally {
    io.err(CLEAR);
  }
}

function barOf({ done, total }: Done): string {
  const full = total === 0 ? BAR : Math.min(BAR, Math.floor((done / total) * BAR));
  return `[${"#".repeat(full)}${"-".repeat(BAR - full)}]`;
}

function leftOf({ done, total }: Done, ms: number): string {
  if (done === 0 || done >= total || ms < 1000) return "";
  const seconds = Math.ceil(((ms / done) * (total - done)) / 1000);
  return seconds < 120 ? `, about ${seconds} s left` : `, about ${Math.ceil(seconds / 60)} min left`;
}
