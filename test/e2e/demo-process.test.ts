/** Claims: a second start says where the first one runs; a signal, sent twice as npm does it, stops everything, PostgreSQL included. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";

const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-process-"));
const started: ChildProcess[] = [];
afterAll(() => {
  for (const child of started) child.kill("SIGKILL");
  rmSync(dataDir, { recursive: true, force: true });
});

/** Starts the demo, and tells what it says and how it ends. */
function start(): {
  readonly child: ChildProcess;
  readonly said: (words: RegExp) => Promise<string>;
  readonly ended: Promise<number | null>;
} {
  const child = spawn(process.execPath, [path.resolve("dist/demo/main.js"), "--port", "0"], {
    env: { ...process.env, TWOKEY_DEMO_DIR: dataDir },
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(child);
  let text = "";
  const said = (words: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = words.exec(text);
        if (found !== null) resolve(found[0]);
      };
      child.stdout.on("data", look);
      child.once("close", () => (look(), reject(new Error(`it ended, having said: ${text}`))));
      look();
    });
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return { child, said, ended: new Promise((resolve) => child.once("close", resolve)) };
}

test("a second start names the address; two signals in a row stop all of it", async () => {
  const first = start();
  const url = await first.said(/http:\/\/127\.0\.0\.1:\d+\//);
  const second = start();
  expect(await second.said(/runs already, at \S+/)).toBe(`runs already, at ${url}`);
  expect(await second.ended).toBe(0);
  expect((await fetch(url)).status).toBe(200);
  first.child.kill("SIGINT");
  first.child.kill("SIGINT");
  await first.said(/has stopped, its database too/);
  expect(await first.ended).toBe(0);
  expect(existsSync(path.join(dataDir, "pg", "postmaster.pid"))).toBe(false);
  expect(existsSync(path.join(dataDir, "running.json"))).toBe(false);
});
