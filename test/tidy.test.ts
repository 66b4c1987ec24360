/** The house rules that a program can hold; each is proved to bite by a small example of what it must refuse. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { guards } from "../scripts/guard-list.mjs";
import { filesBelow, parseSource, readSources } from "./support/tidy-source.ts";
import {
  findBrokenFences,
  findCircles,
  findRisingArrows,
  findUnusedPermits,
  findWrongArrows,
  findWrongMints,
} from "./support/tidy-structure.ts";
import {
  ENTRIES,
  LIMITS,
  entriesOf,
  findBadNames,
  findBannedCode,
  findCleanupTrue,
  findDeadNames,
  findDeadPaths,
  findLooseNotes,
  findMachinePaths,
  findOversize,
  findRegistryAddresses,
  findShortWaits,
  findUndocumented,
  findUnusedWords,
  medianLength,
  unusedWords,
} from "./support/tidy-text.ts";

const ROOT = path.resolve(import.meta.dirname, "..");
const src = readSources(ROOT, ["src"]);
const all = [...src, ...readSources(ROOT, ["emulators", "demo", "test/sim", "test/matrix"])];
const tests = readSources(ROOT, ["test"]);
const documents = ["README.md", "CHANGELOG.md", ".github", "docs", "emulators", "test"]
  .flatMap((name) => filesBelow(ROOT, name))
  .filter((file) => file.endsWith(".md"))
  .map((file) => ({ file, text: readFileSync(path.join(ROOT, file), "utf8") }));

describe("the rules hold here", () => {
  test("imports follow the map of rooms", () => {
    expect(src.flatMap(findWrongArrows)).toEqual([]);
  });
  test("no arrow of the map runs back up", () => {
    expect(findRisingArrows()).toEqual([]);
  });
  test("every arrow that the map permits is there", () => {
    expect(findUnusedPermits(src)).toEqual([]);
  });
  test("packages stay behind their fences", () => {
    expect(src.flatMap(findBrokenFences)).toEqual([]);
  });
  test("only the listed files import a mint", () => {
    expect(src.flatMap(findWrongMints)).toEqual([]);
  });
  test("no file imports itself in a circle", () => {
    expect(findCircles(all)).toEqual([]);
  });
  test("banned code is nowhere in src/", () => {
    expect(src.flatMap(findBannedCode)).toEqual([]);
  });
  test("cleanup with true is nowhere in src/", () => {
    expect(src.flatMap(findCleanupTrue)).toEqual([]);
  });
  test("no test waits for a state for less than a minute", () => {
    expect(tests.flatMap(findShortWaits)).toEqual([]);
  });
  test("the top of the repository and src/ are short enough to be a map", () => {
    const files = committed().filter((file) => existsSync(path.join(ROOT, file)));
    expect(entriesOf(files, "").length).toBeLessThanOrEqual(ENTRIES.top);
    expect(entriesOf(files, "src").length).toBeLessThanOrEqual(ENTRIES.src);
  });
  test("notes to self carry an issue number", () => {
    expect([...all, ...tests].flatMap(findLooseNotes)).toEqual([]);
  });
  test("files have names that say something", () => {
    expect(all.flatMap((source) => findBadNames(source.file))).toEqual([]);
  });
  test("files, functions and lines keep their limits", () => {
    expect(all.flatMap(findOversize)).toEqual([]);
  });
  test("half of the files of src/ are short", () => {
    expect(medianLength(src)).toBeLessThanOrEqual(LIMITS.fileMedian);
  });
  test("one word for one idea: what the glossary has another word for is nowhere in src/", () => {
    const words = unusedWords(readFileSync(path.join(ROOT, "docs/glossary.md"), "utf8"));
    expect(words.size).toBeGreaterThan(8);
    expect(src.flatMap((source) => findUnusedWords(source, words))).toEqual([]);
  });
  test("exports have docstrings", () => {
    expect(all.flatMap(findUndocumented)).toEqual([]);
  });
  test("documents name only paths that exist", () => {
    expect(documents.flatMap(({ file, text }) => findDeadPaths(ROOT, file, text))).toEqual([]);
  });
  test("the story of a deletion names only what its files declare", () => {
    const story = documents.filter(({ file }) => file === "docs/life-of-a-deletion.md");
    expect(story).toHaveLength(1);
    expect(story.flatMap(({ file, text }) => findDeadNames(ROOT, file, text))).toEqual([]);
  });
  test("no committed text names a folder of one machine", () => {
    const texts = committed().filter(
      (file) => /\.(ts|mjs|js|md|json|sql|html|css|ya?ml|example)$/.test(file) && existsSync(path.join(ROOT, file)),
    );
    expect(texts.flatMap((file) => findMachinePaths(file, readFileSync(path.join(ROOT, file), "utf8")))).toEqual([]);
  });
  test("every guard stands where the list of guards says, once", () => {
    const found = guards.map((g) => [g.what, readFileSync(path.join(ROOT, g.file), "utf8").split(g.guard).length - 1]);
    expect(found.filter(([, n]) => n !== 1)).toEqual([]);
  });
  test("the lock file ties nobody to a registry", () => {
    expect(findRegistryAddresses(readFileSync(path.join(ROOT, "package-lock.json"), "utf8"))).toEqual([]);
  });
});

describe("the rules bite", () => {
  const one = (file: string, text: string): ReturnType<typeof parseSource> => parseSource(file, text);

  test.for([
    ["src/sync/planning/planner.ts", `import { send } from "../../cloudstack/http.ts";`],
    ["src/sync/planning/planner.ts", `import type { Queryable } from "../../store/db.ts";`],
    ["src/core/scope.ts", `import { plan } from "../sync/planning/planner.ts";`],
    ["src/commands/status.ts", `import { createDatabase } from "../store/db.ts";`],
    ["src/deletion/runner.ts", `export { send } from "../cloudstack/http.ts";`],
    ["src/store/plans.ts", `import { send } from "../cloudstack/http.ts";`],
    ["src/bot/app.ts", `const engine = await import("../engine/engine.ts");`],
    ["src/core/x.ts", `import { fake } from "../../emulators/slack/server.ts";`],
    ["src/store/plans.ts", `import type { Plan } from "../sync/planning/plan.ts";`],
    ["src/app/assemble.ts", `import { auditCommand } from "../cli/audit.ts";`],
    ["src/cloudstack/read/find.ts", `import { createWriter } from "../write/writer.ts";`],
    ["src/cloudstack/write/writer.ts", `import { createDeleter } from "../delete/deleter.ts";`],
    ["src/newroom/x.ts", `import { ok } from "../core/result.ts";`],
  ] as const)("arrows: %s may not have: %s", ([file, text]) => {
    expect(findWrongArrows(one(file, text))).toHaveLength(1);
  });

  test.for([
    ["src/deletion/open.ts", `import type { Plan } from "../sync/planning/plan.ts";`],
    ["src/cli/audit.ts", `import { assemble } from "../app/assemble.ts";`],
    ["src/main.ts", `import { createDatabase } from "./store/db.ts";`],
    ["src/sync/planning/a.ts", `import { b } from "./b.ts";`],
  ] as const)("arrows: %s may have: %s", ([file, text]) => {
    expect(findWrongArrows(one(file, text))).toEqual([]);
  });

  test("arrows: a map that runs back up is refused", () => {
    expect(findRisingArrows({ core: [], store: ["core"], deletion: ["store"] })).toEqual([]);
    expect(findRisingArrows({ core: ["store"], store: ["core"] })).toEqual(["core → store"]);
  });

  test("arrows: a permit without an import is found", () => {
    const floors = { core: [], store: ["core"], deletion: ["core", "store"] };
    const deletion = one("src/deletion/open.ts", `import type { Plan } from "../store/plans.ts";`);
    expect(findUnusedPermits([deletion], floors)).toEqual(["store → core", "deletion → core"]);
  });

  test.for([
    ["src/commands/status.ts", `import type { KnownBlock } from "@slack/types";`],
    ["src/archive/export.ts", `import axios from "axios";`],
    ["src/deletion/runner.ts", `import { S3Client } from "@aws-sdk/client-s3";`],
    ["src/deletion/runner.ts", `import pg from "pg";`],
    ["src/cloudstack/api/http.ts", `import pino from "pino";`],
    ["src/store/db.ts", `import { DBOS } from "@dbos-inc/dbos-sdk";`],
    ["src/sync/planning/planner.ts", `import { z } from "zod";`],
  ] as const)("fences: %s may not have: %s", ([file, text]) => {
    expect(findBrokenFences(one(file, text))).toHaveLength(1);
  });

  test.for([
    ["src/deletion/runner.ts", `import { grant } from "../approvals/grant.ts";`],
    ["src/cidb/other.ts", `import { completeDesired as c } from "../sync/planning/desired.ts";`],
    ["src/commands/plan.ts", `import { join } from "../sync/planning/input.ts";`],
    ["src/commands/plan.ts", `import { planDeletions } from "../sync/planning/planner.ts";`],
    ["src/cidb/read.ts", `import { completeObserved } from "../sync/planning/observed.ts";`],
    ["src/deletion/runner.ts", `import * as everything from "../approvals/grant.ts";`],
    ["src/deletion/runner.ts", `export { grant } from "../approvals/grant.ts";`],
    ["src/deletion/runner.ts", `import { completeInventory } from "../core/complete-inventory.ts";`],
    ["src/cloudstack/delete/deleter.ts", `import { proveEmpty } from "../../core/complete-inventory.ts";`],
  ] as const)("mints: %s may not have: %s", ([file, text]) => {
    expect(findWrongMints(one(file, text))).toHaveLength(1);
  });

  test.for([
    "const x: any = 1;",
    "const x = y!.z;",
    "const g = {} as ApprovedDeletion;",
    "const now = Date.now();",
    "const now = new Date();",
    "const n = Math.random();",
    `import { randomUUID } from "node:crypto";`,
    "try { f(); } catch {}",
    "export default 1;",
    "function handleClick() { return 1; }",
  ])("banned code: %s", (text) => {
    expect(findBannedCode(one("src/a.ts", text))).toHaveLength(1);
  });

  test.for([
    "const at = new Date(5); const s = 'any ! text'; // any comment!",
    "try { f(); } catch { /* Another process was faster. */ }",
    "const g = value as string; if (!ready) stop();",
    "function domainsOf() { return 1; }",
  ])("allowed code: %s", (text) => {
    expect(findBannedCode(one("src/a.ts", text))).toEqual([]);
  });

  test.for([
    `const p = { cleanup: true };`,
    `const u = "x?cleanup=true";`,
    `p.set("cleanup", "true");`,
    `p["cleanup"] = true;`,
    `// cleanup=true`,
  ])("cleanup: %s", (text) => {
    expect(findCleanupTrue(one("src/a.ts", text))).toHaveLength(1);
  });
  test("cleanup with false passes", () => {
    expect(findCleanupTrue(one("src/a.ts", "const p = { cleanup: false };"))).toEqual([]);
  });

  test.for(["// TODO later", "/* FIXME */", "// HACK around it"])("notes: %s", (text) => {
    expect(findLooseNotes(one("src/a.ts", text))).toHaveLength(1);
  });
  test("a note with a number, or the word in a string, passes", () => {
    expect(findLooseNotes(one("src/a.ts", `const s = "TODO"; // TODO(#12) when 5.0 is out`))).toEqual([]);
  });

  test.for([
    "await eventually('it is there', holds, { limitMs: 15_000 });",
    "await expect.poll(read, { timeout: 30_000 }).toBe(1);",
    "test('x', async () => {}, 40_000);",
    "test.each([1])('x', async () => {}, 40_000);",
    "beforeAll(start, 5_000);",
  ])("short waits: %s", (text) => {
    expect(findShortWaits(one("test/a.test.ts", text))).toHaveLength(1);
  });
  test("waits of a minute, and what times out on purpose, pass", () => {
    const text = "test('x', () => until('y', holds, { limitMs: 90_000 }), 60_000); start({ timeoutMs: 40, ackMs: 400 }); list.at(5);";
    expect(findShortWaits(one("test/a.test.ts", text))).toEqual([]);
  });

  test("entries: each once, without dot files", () => {
    const files = ["README.md", ".gitignore", ".github/a.yml", "src/main.ts", "src/bot/app.ts", "src/bot/slack.ts"];
    expect([entriesOf(files, ""), entriesOf(files, "src")]).toEqual([
      ["README.md", "src"],
      ["main.ts", "bot"],
    ]);
  });

  test.for(["src/utils/a.ts", "src/bot/helpers.ts", "src/core/types.ts", "src/bot/renderPlan.ts"])("names: %s", (file) => {
    expect(findBadNames(file)).toHaveLength(1);
  });

  test("sizes: a file, a function and a line too long", () => {
    expect(findOversize(one("src/a.ts", "\n".repeat(401)))).toHaveLength(1);
    expect(findOversize(one("src/a.ts", `function f() {${"\n".repeat(71)}}`))).toHaveLength(1);
    expect(findOversize(one("src/a.ts", `const g = () => {${"\n".repeat(71)}};`))).toHaveLength(1);
    expect(findOversize(one("src/a.ts", `// ${"x".repeat(140)}`))).toHaveLength(1);
    expect(medianLength([one("a.ts", "\n\n\n"), one("b.ts", "\n"), one("c.ts", "\n\n")])).toBe(2);
  });

  test.for([
    "export const x = 1;",
    "/* no */\nexport function f() {}",
    "// no\nexport type T = 1;",
    "/** Yes. */\nconst y = 1;\nexport const x = y;",
    "/** A. */\nexport const a = 1;\n\nexport const b = 2;",
  ])("docstrings: %s", (text) => {
    expect(findUndocumented(one("src/a.ts", text))).toHaveLength(1);
  });
  test("a docstring serves the exports that follow without a blank line", () => {
    expect(findUndocumented(one("src/a.ts", "/** A. */\nexport const A = 1;\nexport type A = 1;\n"))).toEqual([]);
  });

  test("words: one that the glossary does not use is found, whatever its case; a part of another word is not", () => {
    const words = unusedWords(
      "| Word | Meaning | Not |\n| --- | --- | --- |\n| service | what commands call | desk, desks |\n| pass | a round | |\n",
    );
    expect([...words]).toEqual([
      ["desk", "service"],
      ["desks", "service"],
    ]);
    expect(findUnusedWords(one("src/a.ts", "// The Desk\nconst desktop = 1;"), words)).toHaveLength(1);
  });

  test("circles: of two and of three files, and none without", () => {
    const a = one("src/a.ts", `import "./b.ts";`);
    const back = one("src/b.ts", `import type { A } from "./a.ts";`);
    const on = one("src/b.ts", `import "./core/c.ts";`);
    const c = one("src/core/c.ts", `export { a } from "../a.ts";`);
    expect(findCircles([a, back])).toHaveLength(1);
    expect(findCircles([a, on, c])).toEqual(["src/a.ts → src/b.ts → src/core/c.ts → src/a.ts"]);
    expect(findCircles([a, on])).toEqual([]);
  });

  test("documents: a dead path and a dead link are found, patterns are left alone", () => {
    expect(
      findDeadPaths(
        ROOT,
        "docs/a.md",
        "see `src/nowhere.ts`, [that](nowhere.md), `src/**/*.ts`, `migrations/NNNN_x.sql`, [web](https://example.org)",
      ),
    ).toHaveLength(2);
    expect(findDeadPaths(ROOT, "docs/a.md", "see `src/store/db.ts`, `test/tidy.test.ts:12`, [readme](../package.json)")).toEqual([]);
  });

  test("documents: a function that its file does not declare is found", () => {
    const text = "`recordVote` in `src/store/ballots.ts`, then `ballot_rules` of `migrations/0030_ballot.sql`";
    expect(findDeadNames(ROOT, "docs/a.md", text)).toEqual([]);
    expect(findDeadNames(ROOT, "docs/a.md", text.replace("recordVote", "recordVotes"))).toHaveLength(1);
    expect(findDeadNames(ROOT, "docs/a.md", text.replace("ballot_rules", "ballot_rule"))).toHaveLength(1);
  });

  test("machines and registries", () => {
    expect(findMachinePaths("a.md", `run ${["", "work", "main"].join("/")}/x`)).toHaveLength(1);
    expect(findMachinePaths("a.md", "run https://example.org/work/main, src/work/x")).toEqual([]);
    expect(findRegistryAddresses(`{\n"resolved": "x"\n}`)).toHaveLength(1);
  });
});

/** What git holds or would hold; outside a checkout there is nothing to look at. */
function committed(): readonly string[] {
  if (!existsSync(path.join(ROOT, ".git"))) return [];
  return execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: ROOT, encoding: "utf8" })
    .split("\n")
    .filter((name) => name !== "");
}
