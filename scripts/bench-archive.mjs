// Measures saving one object: the exporter's own download code and saveItem into a folder, against `curl -s URL | sha256sum` of the same
// bytes in the same run. Server, saver and curl are processes of their own; the bytes are generated, not kept.
// Prints times, ratios, and the saver's resident memory; no number is asserted: the machine decides those.
//   node scripts/bench-archive.mjs [--gib 2] [--rounds 3] [--dir <folder on the disk to measure>] [--json]
import { createHash, randomUUID } from "node:crypto";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    gib: { type: "string", default: "2" },
    rounds: { type: "string", default: "3" },
    dir: { type: "string", default: tmpdir() },
    role: { type: "string", default: "bench" },
    url: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});
const SELF = fileURLToPath(import.meta.url);
const MIB = 1024 * 1024;
const bytes = Math.round(Number(values.gib) * 1024) * MIB;
if (!Number.isFinite(bytes) || bytes < MIB) {
  process.stderr.write("--gib must be a number, at least 0.001\n");
  process.exit(1);
}
await { bench, serve, save }[values.role]();

/** Serves `bytes` bytes: blocks of 1 MiB, each with its number in front, so that no two are alike. */
async function serve() {
  const block = createHash("sha512").update("twokey").digest();
  const pattern = Buffer.alloc(MIB, block);
  const server = http.createServer(async (_request, response) => {
    response.writeHead(200, { "content-length": bytes, "content-type": "application/octet-stream" });
    // Several blocks, since a block may still be on its way while the next is numbered.
    const blocks = Array.from({ length: 4 }, () => Buffer.from(pattern));
    const sent = [];
    for (let n = 0; n * MIB < bytes && !response.destroyed; n++) {
      const at = n % blocks.length;
      await sent[at];
      blocks[at].writeUInt32BE(n, 0);
      sent[at] = new Promise((resolve) => response.write(blocks[at], resolve));
    }
    response.end();
  });
  server.listen(0, "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${server.address().port}/object\n`));
}

/** Saves the object once and says how long each leg took and how much memory it took. */
async function save() {
  const dist = (file) => new URL(`../dist/${file}`, import.meta.url).href;
  const { openLink } = await import(dist("src/cloudstack/export/download.js"));
  const { settingsOf } = await import(dist("src/cloudstack/api/options.js"));
  const { createFolderStore } = await import(dist("src/archive/folder-store.js"));
  const { saveItem } = await import(dist("src/archive/save.js"));
  const settings = settingsOf({
    url: values.url,
    apiKey: "k",
    secretKey: "s",
    rootPath: "ROOT",
    now: Date.now,
    sleep: async () => undefined,
    newId: randomUUID,
    beforeCall: async () => ({ ok: true, value: undefined }),
  });
  const legs = {};
  const timed =
    (name, run) =>
    async (...args) => {
      const start = performance.now();
      const result = await run(...args);
      legs[name] = performance.now() - start;
      return result;
    };
  const folder = createFolderStore(values.dir);
  const store = { ...folder, append: timed("stream", folder.append), finish: timed("sync", folder.finish) };
  const item = { kind: "template", id: "bench", name: "bench", facts: { physicalBytes: bytes } };
  const source = { openExport: async () => ({ ok: true, value: { open: (offset) => openLink(settings, values.url, offset) } }) };
  global.gc?.();
  const idle = memory("VmRSS");
  const start = performance.now();
  const saved = await saveItem(item, randomUUID(), source, store, () => undefined);
  const total = performance.now() - start;
  if (!saved.ok) throw new Error(saved.error.message);
  const { stream, sync } = legs;
  const peak = memory("VmHWM");
  process.stdout.write(`${JSON.stringify({ sha256: saved.value.sha256, stream, sync, back: total - stream - sync, total, idle, peak })}\n`);
}

async function bench() {
  const { prepare } = await import("./prepare.mjs");
  if (!prepare({ quiet: values.json })) process.exit(1);
  const server = spawn(process.execPath, [SELF, "--role", "serve", "--gib", values.gib], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(server.stdout.setEncoding("utf8"), "data");
  const url = line.trim();
  const rounds = [];
  try {
    await curl(url); // Warms up the server.
    for (let n = 0; n < Number(values.rounds); n++) {
      const reference = await curl(url);
      const folder = mkdtempSync(path.join(values.dir, "twokey-bench-archive-"));
      try {
        // As scripts/twokey.mjs starts it.
        const args = ["--max-semi-space-size=8", "--expose-gc", SELF, "--role", "save", "--gib", values.gib, "--dir", folder, "--url", url];
        const mine = JSON.parse(await output(process.execPath, args, { MALLOC_ARENA_MAX: "2" }));
        if (mine.sha256 !== reference.sha256) throw new Error("curl and Twokey saw other bytes");
        rounds.push({ ...mine, curl: reference.ms });
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
  } finally {
    server.kill();
  }
  if (values.json) process.stdout.write(`${JSON.stringify(rounds)}\n`);
  else print(rounds);
}

function print(rounds) {
  const median = (of) => rounds.map(of).toSorted((a, b) => a - b)[Math.floor(rounds.length / 2)];
  const rate = (ms) => `${Math.round(bytes / MIB / (ms / 1000))} MiB/s`;
  const say = (what, of) => {
    const ms = median(of);
    console.log(
      `${what.padEnd(48)} ${(ms / 1000).toFixed(2)} s  ${rate(ms).padStart(11)}  ${median((r) => r.curl / of(r)).toFixed(2)} of curl`,
    );
  };
  console.log(
    `${values.gib} GiB, median of ${rounds.length} rounds; "of curl": throughput against curl -s URL | sha256sum in the same round`,
  );
  say("curl -s URL | sha256sum", (r) => r.curl);
  say("streaming: download, hash, write", (r) => r.stream);
  say("making it durable: fsync and rename", (r) => r.sync);
  say("reading back: read, hash, compare", (r) => r.back);
  say("all of saveItem", (r) => r.total);
  console.log(
    `memory: ${median((r) => r.idle)} MiB idle, ${median((r) => r.peak)} MiB at most, ${Math.max(...rounds.map((r) => r.peak - r.idle))} MiB above idle (worst round)`,
  );
}

async function curl(url) {
  const start = performance.now();
  const text = await output("sh", ["-c", `curl -s '${url}' | sha256sum`], {});
  return { ms: performance.now() - start, sha256: text.slice(0, 64) };
}

async function output(command, args, env) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env } });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk) => (text += chunk));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${path.basename(command)} ended with ${code}`);
  return text;
}

function memory(name) {
  return Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0) / 1024);
}
