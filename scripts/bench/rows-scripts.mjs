// Rows that scripts of their own measure, in a small form: they print what they found as JSON.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { at } from "./paths.mjs";

/** The last line that a script prints, as JSON. */
function answerOf(script, ...args) {
  const ran = spawnSync(process.execPath, [fileURLToPath(at(`scripts/${script}`)), ...args, "--json"], { encoding: "utf8" });
  if (ran.status !== 0) throw new Error(`${script}: ${ran.stderr.trim().slice(-300)}`);
  return JSON.parse(ran.stdout.trim().split("\n").at(-1));
}

/** Clicks of 80 approvers and many others on a deletion's card, 200 a second. */
export function clicks({ seconds = 10, votes = 4 } = {}) {
  const { p50, p99, counted } = answerOf("bench-clicks.mjs", "--seconds", String(seconds), "--votes", String(votes));
  const slowest = Math.max(...counted) / 1000;
  return {
    name: "click to acknowledgement, 200 a second, 80 approvers",
    ours: `p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms; ${counted.length} of ${votes} votes counted, each within ${slowest.toFixed(1)} s`,
    rival: "Slack waits 3 s",
    goal: "p99 under 100 ms, votes within 5 s",
    isMet: p99 < 100 && counted.length === votes && slowest < 5,
  };
}

/** Saving one object into a folder: download, hash, fsync and reading back, against `curl | sha256sum` of the same bytes. */
export function saving({ gib = 1, rounds = 3 } = {}) {
  const all = answerOf("bench-archive.mjs", "--gib", String(gib), "--rounds", String(rounds));
  const middle = (of) => all.map(of).toSorted((a, b) => a - b)[Math.floor(all.length / 2)];
  const ratio = middle((r) => r.curl / r.total);
  const more = Math.max(...all.map((r) => r.peak - r.idle));
  return {
    name: `saving an export of ${gib} GiB, read back`,
    ours: `${(middle((r) => r.total) / 1000).toFixed(1)} s, at most ${more} MiB more memory`,
    rival: `curl \\| sha256sum ${(middle((r) => r.curl) / 1000).toFixed(1)} s`,
    ratio,
    goal: "at least 0.9 of its speed, under 64 MiB more",
    isMet: ratio >= 0.9 && more < 64,
  };
}
