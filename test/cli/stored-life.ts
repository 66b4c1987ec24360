import { keysOf } from "../../demo/keys.ts";
import { openDoor } from "../sim/door.ts";
import { users } from "../sim/people.ts";
import { createReplica, type Replica } from "../sim/replica.ts";
import { createWorld, type World } from "../sim/world.ts";
import { signedForm } from "../../src/cloudstack/api/signature.ts";
import type { Parts } from "../../src/app/parts.ts";
import type { Instant } from "../../src/core/ids.ts";
import axios from "axios";
import type { FreshDatabase } from "../support/database.ts";
import { twokey, type Ran } from "../support/terminal.ts";

/** A small installation with a database behind it, on a simulated clock. */
export interface StoredLife {
  readonly world: World;
  readonly replica: Replica;
  pass(): Promise<void>;
  /** Everybody joins every active project. */
  join(): void;
  /** Somebody at CloudStack's own door, with the root administrator's keys. */
  byHand(command: string, params: Record<string, string>): Promise<void>;
  /** Runs a command line on this database. */
  terminal(...args: string[]): Promise<Ran>;
}

/** Starts one; `change` puts other parts into its bot. */
export async function startStoredLife(fresh: FreshDatabase, seed: number, change?: (p: Parts) => Parts): Promise<StoredLife> {
  const world = await createWorld(seed, fresh.db);
  openDoor((request, response) => world.cloud.serve(request, response));
  const replica = createReplica(world, "A", keysOf(world.cloud), change);
  return {
    world,
    replica,
    async pass() {
      world.clock.at += 60_000;
      const done = await replica.runPass(null, { kind: "schedule" });
      if (!done.ok) throw new Error(done.error.message);
    },
    join() {
      for (const project of world.ci.projects) if (project.state === "active") project.members = users.map((u) => u.ciUserId);
    },
    async byHand(command, params) {
      const data = signedForm(command, params, { ...world.cloud.admin }, world.clock.at as Instant);
      await axios.request({ method: "POST", url: world.cloud.url, data, headers: { "content-type": "application/x-www-form-urlencoded" } });
      world.clock.at += 10_000;
    },
    terminal: (...args) =>
      twokey(
        args,
        { DATABASE_URL: fresh.url },
        { now: () => world.clock.at as Instant, newId: () => world.chance.uuid(), newToken: () => world.chance.uuid() },
      ),
  };
}
