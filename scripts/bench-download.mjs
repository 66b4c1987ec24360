#!/usr/bin/env node
// Measures many downloads of one export at once: Twokey's own HTTP server and folder archive in a process of their own, which serves a
// sparse file; the rest is asked for by this process, and thrown away. Prints the speed, and the server's resident memory at its highest.
// No number is asserted: the machine decides those.
//   node scripts/bench-download.mjs [--gib 1] [--downloads 50] [--dir <folder for the sparse file>]
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, ftruncateSync, closeSync } from "node:fs";
import http from "node:http";
import { loadavg, tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    gib: { type: "string", default: "1" },
    downloads: { type: "string", default: "50" },
    dir: { type: "string", default: tmpdir() },
    role: { type: "string", default: "bench" },
  },
});
const MIB = 1024 * 1024;
const bytes = Math.round(Number(values.gib) * 1024) * MIB;
const downloads = Number(values.downloads);
if (!(bytes >= MIB) || !(downloads >= 1)) {
  process.stderr.write("--gib must be a number, at least 0.001, and --downloads at least 1\n");
  process.exit(1);
}
const KEY = "6f1c9a1e-0000-4000-8000-000000000001";
const TOKEN = "t".repeat(43);
/** How long every client waits before it reads: what is sent meanwhile has to stay somewhere. */
const WAIT_MS = 2000;
await { bench, serve }[values.role]();

/** Serves the file as the bot does; where the database and Slack would be asked there is an answer at once. */
async function serve() {
  const dist = (file) => new URL(`../dist/${file}`, import.meta.url).href;
  const { createFolderStore } = await import(dist("src/archive/folder-store.js"));
  const { startHttpServer } = await import(dist("src/app/http.js"));
  const row = {
    project_id: "p",
    listener: { channel: "C", user: "U" },
    name: "bench",
    key: KEY,
    bytes,
    sha256: "0".repeat(64),
    format: "RAW",
  };
  const token_sha256 = createHash("sha256").update(TOKEN).digest("hex");
  const context = {
    db: { maybe: async () => ({ ...row, token_sha256, hypervisor: null, revoked_at: null }) },
    store: createFolderStore(values.dir),
    now: Date.now,
    downloads: { add: () => undefined, end: () => undefined },
    mayDownload: async () => ({ ok: true, value: true }),
  };
  const server = await startHttpServer({ host: "127.0.0.1", port: 0, onError: (e) => process.stderr.write(`${e}\n`) }, context);
  process.stdout.write(`${server.url}/exports/${KEY}/${TOKEN}\n`);
}

async function bench() {
  const dir = mkdtempSync(path.join(values.dir, "twokey-bench-"));
  mkdirSync(path.join(dir, KEY.slice(0, 2)));
  const file = openSync(path.join(dir, KEY.slice(0, 2), KEY), "w");
  ftruncateSync(file, bytes);
  closeSync(file);
  const args = [fileURLToPath(import.meta.url), "--role", "serve", "--gib", values.gib, "--dir", dir];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = await once(child.stdout, "data");
    const url = String(line).trim();
    const idle = memoryOf(child.pid).now;
    const began = performance.now();
    const got = await Promise.all(Array.from({ length: downloads }, () => download(url)));
    const seconds = (performance.now() - began - WAIT_MS) / 1000;
    const { peak } = memoryOf(child.pid);
    const whole = got.filter((n) => n === bytes).length;
    const speed = (whole * bytes) / MIB / seconds;
    process.stdout.write(
      [
        `${whole} of ${downloads} downloads of ${values.gib} GiB came whole, in ${seconds.toFixed(1)} s after ${WAIT_MS / 1000} s in which nobody read`,
        `${Math.round(speed)} MiB/s in all, ${(speed / downloads).toFixed(1)} MiB/s each`,
        `server: ${Math.round(idle / MIB)} MiB resident when idle, ${Math.round(peak / MIB)} MiB at its highest`,
        `load ${loadavg()[0].toFixed(1)}, node ${process.version}`,
      ].join("\n") + "\n",
    );
  } finally {
    child.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** How many bytes came. */
function download(url) {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent: false }, (response) => {
      let count = 0;
      setTimeout(() => response.on("data", (chunk) => (count += chunk.length)), WAIT_MS);
      response.on("end", () => resolve(count)).on("error", reject);
    });
    request.on("error", reject);
  });
}

/** Resident memory, by the kernel. Units: bytes. */
function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kib = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) * 1024;
  return { now: kib("VmRSS"), peak: kib("VmHWM") };
}
