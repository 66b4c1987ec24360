import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { addManagedRoot } from "../../../demo/keys.ts";
import { cast, demoApproverGroup, slackSeed } from "../../../demo/cast.ts";
import { startCloudStackEmulator, type CloudStackEmulator, type Keys } from "../../../emulators/cloudstack/server.ts";
import { startSlackEmulator, type SlackEmulator } from "../../../emulators/slack/server.ts";
import type { CliIo } from "../../../src/cli/command.ts";
import { examine, runDoctor, tellChecks } from "../../../src/cli/doctor/command.ts";
import type { Check } from "../../../src/cli/doctor/check.ts";
import { prepareStore } from "../../../src/store/prepare.ts";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../../support/database.ts";
import { environmentOf } from "../../support/environment.ts";

/** What to change for one run of the doctor. */
export interface Examination {
  readonly more?: Readonly<Record<string, string>>;
  readonly now?: () => number;
  readonly only?: Check["system"] | undefined;
}

/** A whole installation as the documents ask for it: four keys, a reading role, three approvers. The doctor finds nothing wrong in it. */
export interface SoundWorld {
  readonly cloud: CloudStackEmulator;
  readonly slack: SlackEmulator;
  readonly own: FreshDatabase;
  readonly ci: FreshDatabase;
  readonly env: Readonly<Record<string, string>>;
  readonly ids: { readonly root: string; readonly kept: string };
  /** Adds an account with a role of these rules, in ROOT for the type Admin and in the managed root otherwise, and gives its keys. */
  addKeys(name: string, rules: readonly string[], type?: "Admin" | "DomainAdmin"): Keys;
  /** Runs `twokey doctor` with some variables changed, an empty one is not set; with `only`, on one of the systems. */
  examine(o?: Examination): Promise<{ readonly code: number; readonly out: string }>;
  close(): Promise<void>;
}

/** Starts that installation. */
export async function startSoundWorld(): Promise<SoundWorld> {
  const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-doctor-"));
  const [own, ci] = await Promise.all([freshDatabase(), emptyDatabase()]);
  // As the first start leaves it: with a role for the bot.
  await prepareStore({ url: own.url, migrationUrl: null }, async () => undefined);
  const readerUrl = await fillCiDatabase(ci);
  const cloud = await startCloudStackEmulator({ expungeDelayMs: 86_400_000 });
  const root = addManagedRoot(cloud);
  const kept = cloud.addDomain({ name: "tools", parent: root });
  const addKeys: SoundWorld["addKeys"] = (name, rules, type = "DomainAdmin") => {
    const role = cloud.addRole({ name, type, rules });
    const { keys } = cloud.addAccount({ domain: type === "Admin" ? cloud.ids.rootDomain : root, name, role, keys: true });
    if (keys === undefined) throw new Error("no keys");
    return keys;
  };
  const slack = await startSlackEmulator({ seed: slackSeed() });
  const env = environmentOf(
    { cloud, slack, state: own, ci: { url: readerUrl }, dataDir },
    {
      CI_SENTINEL_PROJECT: "p-1",
      SLACK_CHANNEL: "ci-team",
      SLACK_APPROVER_GROUP: "ci-approvers",
      SLACK_TEAM_GROUP: demoApproverGroup,
      CLOUDSTACK_PROTECTED_DOMAINS: `ROOT/ci/tools,${kept}`,
      CLOUDSTACK_SENTINEL_DOMAIN: kept,
    },
  );
  return {
    cloud,
    slack,
    own,
    ci,
    env,
    ids: { root, kept },
    addKeys,
    async examine({ more = {}, now = Date.now, only } = {}) {
      let out = "";
      const io: CliIo = {
        env: { ...env, ...more },
        out: (text) => (out += text),
        err: (text) => (out += text),
        now: () => now() as never,
        newId: () => randomUUID(),
        newToken: () => "",
        sleep: async () => undefined,
      };
      const code =
        only === undefined
          ? await runDoctor(io, { args: [], values: {}, flags: new Set(), usage: "" })
          : tellChecks(await examine(io, [only]), io);
      return { code, out };
    },
    async close() {
      await Promise.all([slack.close(), cloud.close(), own.drop(), ci.drop()]);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** The example's tables and views, a project and the cast; gives the address of a role that may only read. */
async function fillCiDatabase(ci: FreshDatabase): Promise<string> {
  const client = new pg.Client({ connectionString: ci.url });
  await client.connect();
  await client.query(readFileSync("docs/ci-database-example.sql", "utf8"));
  await client.query("insert into project (id, slug, name) values ('p-1', 'one', 'One'), ('p-2', 'two', 'Two')");
  for (const p of Object.values(cast))
    await client.query("insert into person (id, username, email, first_name, last_name, slack_id) values ($1, $2, $3, $4, $5, $6)", [
      p.id,
      p.username,
      `${p.username}@example.org`,
      p.firstName,
      p.lastName,
      p.slackId,
    ]);
  await client.end();
  const url = new URL(ci.url);
  url.username = "twokey_reader";
  return url.href;
}
