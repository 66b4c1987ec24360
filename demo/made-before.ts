import type { CloudStackEmulator, TreeDomain } from "../emulators/cloudstack/server.ts";
import type { Config } from "../src/config/config.ts";
import { prepareEngine } from "../src/engine/schema.ts";
import { createDatabase, type Queryable } from "../src/store/db.ts";
import { prepareStore } from "../src/store/prepare.ts";

/**
 * Records in the bot's database that it asked CloudStack for everything there whose id it derives, as if it had been running for long:
 * otherwise its first pass asks two people whether another installation made it.
 */
export async function recordAsMadeBefore(q: Queryable, cloud: Pick<CloudStackEmulator, "tree">): Promise<void> {
  const idsOf = (d: TreeDomain): readonly string[] => [d.id, ...d.accounts.map((a) => a.id), ...d.children.flatMap(idsOf)];
  const ids = idsOf(cloud.tree()).filter((id) => id[14] === "5");
  await q.exec(
    `insert into intent (id, owner_kind, owner_id, command, params, at)
     select made::uuid, 'pass', 'before', 'create_domain', jsonb_build_object('change', jsonb_build_object('domainId', made)), 1
     from unnest($1::text[]) made on conflict do nothing`,
    [ids],
  );
  await q.exec(
    "insert into outcome (intent_id, result, data, at) select made::uuid, 'done', 'null', 1 from unnest($1::text[]) made on conflict do nothing",
    [ids],
  );
}

/** The same in the database of a configuration, which is prepared for it as the bot's first start would. */
export async function prepareAsMadeBefore(
  config: Pick<Config, "databaseUrl" | "databaseMigrationUrl">,
  cloud: Pick<CloudStackEmulator, "tree">,
): Promise<void> {
  const store = await prepareStore({ url: config.databaseUrl ?? "", migrationUrl: config.databaseMigrationUrl }, prepareEngine);
  const db = createDatabase(store.url, { onError: () => undefined });
  await recordAsMadeBefore(db, cloud);
  await db.close();
}
