/** Claims: who may not see costs is refused; the terminal and Slack show the same comparison; it fits Slack whatever the names are. */
import { randomUUID } from "node:crypto";
import { addManagedRoot, keyVariables, keysOf } from "../../../demo/keys.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../../emulators/cloudstack/server.ts";
import { validateBlocks } from "../../../emulators/slack/validate-blocks.ts";
import { comparePolicies } from "../../../src/archive/backups/model.ts";
import { sizeKinds } from "../../../src/core/backup-policy.ts";
import { type Measurement, recordMeasurement } from "../../../src/store/backup-sizes.ts";
import { renderReply } from "../../../src/bot/render/reply.ts";
import { answerBackupCost, costNotes, costTables } from "../../../src/commands/backup-cost.ts";
import { parseCommand } from "../../../src/commands/command.ts";
import type { Asker } from "../../../src/core/people.ts";
import type { BackupService } from "../../../src/archive/backups/service.ts";
import { failure } from "../../../src/core/failure.ts";
import type { DomainId, ProjectId } from "../../../src/core/ids.ts";
import { err, ok } from "../../../src/core/result.ts";
import { recordManagedDomains } from "../../../src/store/managed.ts";
import { SECRET } from "../../cloudstack/support.ts";
import { freshDatabase, type FreshDatabase } from "../../support/database.ts";
import { at, op } from "../../support/deletions.ts";
import { twokey } from "../../support/terminal.ts";

const GIB = 1024 ** 3;
const DAY = 86_400_000;
const terms = {
  scheduleDays: 7,
  keepVersions: 4,
  keepDays: 90,
  pricePerGibMonth: 0.02,
  transferPricePerGib: 0.01,
  currency: "CHF",
};
const bytes = { machine: 0, volume: 100 * GIB, snapshot: 20 * GIB, template: 10 * GIB, iso: 0 };
const look = (instant: number, slugs: readonly string[], factor = 1): Measurement => ({
  at: at(instant),
  otherBytes: 2 * GIB,
  sizes: slugs.flatMap((slug, i) =>
    sizeKinds.map((kind) => ({
      projectId: `p-${slug}` as ProjectId,
      slug,
      kind,
      things: kind === "iso" ? 0 : 2,
      bytes: Math.round(bytes[kind] * (i + 1) * factor),
    })),
  ),
});
const asker = (isTeam: boolean): Asker => ({ operator: { id: op("x"), name: "X", ciUserId: null }, isTeam });

const service: BackupService = {
  list: () => Promise.reject(new Error("costs need no list")),
  compare: () => Promise.resolve(ok(comparePolicies([look(0, ["a"])], terms))),
  plot: (c) => Promise.resolve(Buffer.from(`a picture of ${c.projects.length}`)),
};

describe("/ci-backup-cost", () => {
  test("is refused to who is not of the team, without looking", async () => {
    let looked = false;
    const compare = () => {
      looked = true;
      return Promise.resolve(ok(comparePolicies([], terms)));
    };
    const reply = await answerBackupCost(asker(false), { ...service, compare });
    expect(reply.picture).toBeUndefined();
    expect(reply.title).toContain("Only members of the CI team");
    expect(looked).toBe(false);
  });

  test("says what went wrong when the fleet could not be measured", async () => {
    const broken = failure("unavailable", "x", "CloudStack does not answer", { remedy: "Try again." });
    const reply = await answerBackupCost(asker(true), { ...service, compare: () => Promise.resolve(err(broken)) });
    expect(reply).toEqual({ title: "CloudStack does not answer", parts: [{ kind: "text", text: "Try again." }] });
  });

  test.each([
    ["none", 0],
    ["two", 2],
    ["a thousand, with hostile names", 1000],
  ])("fits Slack with projects: %s", async (_name, n) => {
    const slugs = Array.from({ length: n }, (_x, i) => `${"`".repeat(3)}<!channel>\u202E_*${"x".repeat(i % 300)}${i}`);
    const compared = comparePolicies(n === 0 ? [] : [look(0, slugs)], terms);
    const reply = await answerBackupCost(asker(true), { ...service, compare: () => Promise.resolve(ok(compared)) });
    const rendered = renderReply(reply);
    expect(validateBlocks(rendered.blocks, "message")).toEqual([]);
    const text = JSON.stringify(rendered.blocks);
    expect(text).not.toContain("<!channel>");
    // Every table's fence opens and closes.
    expect((text.match(/```/g) ?? []).length).toBe(8);
    expect(parseCommand("/ci-backup-cost", "")).toEqual(ok({ kind: "backup_cost" }));
  });

  test("shows the numbers of the model, its prices, and what is not known", () => {
    const compared = comparePolicies([look(0, ["a", "b"])], terms);
    const [costs, comebacks] = costTables(compared);
    const cost = compared.choices.map((c) =>
      c.projection.cost.toLocaleString("en-GB", { maximumFractionDigits: 2, minimumFractionDigits: 2 }),
    );
    expect(cost.every((c, i) => costs?.lines[i + 1]?.endsWith(c))).toBe(true);
    expect(comebacks?.lines.slice(1)).toEqual([
      "everything               2 machines, 2 volumes, 2 snapshots, 2 templates  nothing",
      "snapshots and templates  2 snapshots, 2 templates                         2 machines, 2 volumes",
      "templates only           2 templates                                      2 machines, 2 volumes, 2 snapshots",
    ]);
    const notes = costNotes(compared).join(" ");
    expect(notes).toContain("Not enough history for the growth of 2 of 2 projects");
    expect(notes).toContain("0.02 CHF per GiB and month, 0.01 CHF per GiB transferred");
    expect(notes).toContain("is the smallest, a.");
    expect(notes).toContain("2.0 GiB belong to no managed project");
  });

  test("brings the picture of that very comparison, described in words", async () => {
    const { picture } = await answerBackupCost(asker(true), service);
    expect(Buffer.from(picture?.png ?? []).toString()).toBe("a picture of 1");
    expect(picture?.description).toMatch(/everything: \d+\.\d\d CHF in 12 months; snapshots and templates: .*; templates only: /);
  });

  test("shows growth, up and down, once there is history for it", () => {
    const growing = costTables(comparePolicies([look(0, ["a"]), look(365 * DAY, ["a"], 2)], terms)).at(-1)?.lines[1] ?? "";
    // 130 GiB in a year are 10.8 GiB a month.
    expect(growing).toMatch(/\+10\.8 GiB$/);
    const shrinking = costTables(comparePolicies([look(0, ["a"], 2), look(365 * DAY, ["a"])], terms)).at(-1)?.lines[1] ?? "";
    expect(shrinking).toMatch(/ -10\.8 GiB$/);
  });
});

describe("twokey backup-cost", () => {
  const dir = mkdtempSync(path.join(tmpdir(), "twokey-cost-"));
  let fresh: FreshDatabase;
  let emulator: CloudStackEmulator;
  let domain: DomainId;
  const now = 1_700_000_000_000;
  beforeAll(async () => {
    fresh = await freshDatabase();
    emulator = await startCloudStackEmulator({ port: 0, jobMs: 5, now: () => now });
    domain = emulator.addDomain({ name: "aurora", parent: addManagedRoot(emulator) }) as DomainId;
    emulator.addTemplate({ account: emulator.addAccount({ domain, name: "mia" }).accountId, name: "golden", bytes: 3 * 1024 ** 2 });
  });
  afterAll(async () => {
    await Promise.all([fresh.drop(), emulator.close()]);
    rmSync(dir, { recursive: true });
  });

  async function run(args: readonly string[], more: Readonly<Record<string, string>> = {}) {
    const env = {
      DATABASE_URL: fresh.url,
      CI_DATABASE_URL: "postgres://reader@127.0.0.1:1/ci",
      SLACK_BOT_TOKEN: `xoxb-${SECRET}`,
      SLACK_APP_TOKEN: `xapp-${SECRET}`,
      SLACK_CHANNEL: "C1",
      SLACK_APPROVERS: "U1",
      CLOUDSTACK_API_URL: emulator.url,
      ...keyVariables(emulator),
      CLOUDSTACK_ROOT_DOMAIN: "ROOT/ci",
      ...more,
    };
    const { code, out, err: errors } = await twokey(["backup-cost", ...args], env, { now: () => at(now) });
    expect(out + errors).not.toContain(SECRET);
    for (const { secretKey } of Object.values(keysOf(emulator))) expect(out + errors).not.toContain(secretKey);
    return { code, out, errors };
  }

  test("refuses arguments it does not know, and an environment that is not complete", async () => {
    for (const args of [["--everything"], ["--plot"], ["--plot", "a.jpg"], ["--plot", "a.png", "b.png"], ["a.png"]])
      expect(await run(args)).toMatchObject({ code: 2, out: "" });
    const wrong = await run([], { BACKUP_CURRENCY: "euros" });
    expect(wrong).toMatchObject({ code: 2, out: "" });
    expect(wrong.errors).toContain("BACKUP_CURRENCY");
  });

  test("says what is missing while no domain is managed, and when CloudStack does not answer", async () => {
    expect(await run([])).toMatchObject({ code: 1, out: "", errors: expect.stringContaining("Wait for the first complete pass") });
    emulator.setFaults([{ kind: "unreachable" }]);
    expect((await run([])).code).toBe(1);
    emulator.setFaults([]);
  });

  test("measures what was never measured, then goes by the history", async () => {
    const project = { projectId: "p-1" as ProjectId, domainId: domain, generation: 1, origin: "created" as const };
    await recordManagedDomains(fresh.db, [project], at(1));
    const first = await run([]);
    expect(first).toMatchObject({ code: 0, errors: "" });
    expect(first.out).toMatch(/templates {2,}1 {2,}3\.0 MiB/);
    expect(first.out).toContain("1 measurement in the history");
    const sizes = look(now - DAY, ["aurora"]).sizes.map((s) => ({ ...s, projectId: project.projectId, bytes: 0 }));
    await fresh.db.tx((q) => recordMeasurement(q, randomUUID(), "2023-11-13", { at: at(now - DAY), otherBytes: 0, sizes }));
    const second = await run([]);
    expect(second.out).toContain("2 measurements in the history");
    const file = path.join(dir, "out.png");
    expect(await run(["--plot", file])).toMatchObject({ code: 0, errors: `The picture is in ${file}.\n` });
    expect((await readFile(file)).subarray(1, 4).toString()).toBe("PNG");
    const nowhere = await run(["--plot", path.join(dir, "no-such-folder", "out.png")]);
    expect(nowhere).toMatchObject({ code: 1, errors: expect.stringContaining("(ENOENT). Name a file in an existing folder") });
    expect(second.out).toMatch(/aurora .*\+91\.3 MiB/);
  });
});
