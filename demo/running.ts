import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isAlive } from "../src/core/is-alive.ts";

/** A demo that runs on a folder. */
export interface RunningDemo {
  readonly pid: number;
  readonly url: string;
  /** False while it is still starting: its page does not answer yet. */
  readonly isReady: boolean;
}

/** How long a page may take to say that it is there. Units: milliseconds. */
const ANSWER_MS = 2_000;

/** Finds the demo that runs on this folder. What a killed one left behind is deleted, and counts for nothing. */
export async function findRunning(dataDir: string): Promise<RunningDemo | null> {
  const noted = readNote(dataDir);
  if (noted !== null && noted.pid !== process.pid && isAlive(noted.pid)) {
    if ((await pidBehind(noted.url)) === noted.pid) return { ...noted, isReady: true };
    // The number of a dead process may be another program's by now.
    if (isDemo(noted.pid)) return { ...noted, isReady: false };
  }
  forgetRunning(dataDir);
  return null;
}

/** Notes that this process runs a demo on the folder. */
export function noteRunning(dataDir: string, url: string): void {
  writeFileSync(noteFile(dataDir), JSON.stringify({ pid: process.pid, url }));
}

/** Takes the note back. */
export function forgetRunning(dataDir: string): void {
  rmSync(noteFile(dataDir), { force: true });
}

/** The process whose page is at this address; null when there is none. */
export async function pidBehind(url: string): Promise<number | null> {
  try {
    const answer = await fetch(new URL("/demo/where", url), { signal: AbortSignal.timeout(ANSWER_MS) });
    const { pid } = (await answer.json()) as { readonly pid?: unknown };
    return typeof pid === "number" ? pid : null;
  } catch {
    return null; // Nobody answers there, or somebody else.
  }
}

function noteFile(dataDir: string): string {
  return path.join(dataDir, "running.json");
}

function readNote(dataDir: string): { readonly pid: number; readonly url: string } | null {
  if (!existsSync(noteFile(dataDir))) return null;
  try {
    const { pid, url } = JSON.parse(readFileSync(noteFile(dataDir), "utf8")) as { readonly pid?: unknown; readonly url?: unknown };
    return typeof pid === "number" && pid > 0 && typeof url === "string" && URL.canParse(url) ? { pid, url } : null;
  } catch {
    return null; // Whoever wrote it was killed in the middle.
  }
}

function isDemo(pid: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" });
  return /\bdemo(?:\.mjs|\/main\.js)/.test(stdout ?? "");
}
