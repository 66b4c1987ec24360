/**
 * Claim INV-5: a process that is killed with SIGKILL right after each call that takes something away, when nothing of the answer is kept,
 * and once right before one, goes on where it stood when it is started again: the domain is deleted once, and nothing else is touched.
 * All points of all lives: npm run crash-matrix.
 */
import path from "node:path";
import { expect, inject, test } from "vitest";
import { playCrashes } from "./crash.ts";
import { clonesOf } from "./databases.ts";
import { changes } from "./faults.ts";
import { keyOf } from "./point.ts";

const acts = [...changes.map((command) => `call ${command} after`), "call deleteDomain before"];

test("a deletion survives its process's death at every call that takes something away", async () => {
  const databases = clonesOf(inject("adminUrl"), inject("templateName"));
  const choice = { covered: [], only: null, kinds: "all", acts, share: { index: 0, of: 1 }, isEveryRead: false } as const;
  const played = await playCrashes("delete", choice, { databases, childFile: path.resolve("dist/test/matrix/child.js"), killsPerLife: 60 });
  expect(played.wrong, `killed at:\n${played.deaths.map(keyOf).join("\n")}`).toEqual([]);
  expect(new Set(played.deaths.map((d) => `${d.act} ${d.edge}`))).toEqual(new Set(acts));
});
