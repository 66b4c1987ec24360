import type { FourKeys } from "../../demo/keys.ts";
import type { Database } from "../../src/store/db.ts";
import { newInstallation, putRows, takeBackup, type Backup } from "./backups.ts";
import { root } from "./ci.ts";
import { asNow } from "./identity.ts";
import { Oracle } from "./oracle.ts";
import { team } from "./people.ts";
import { createReplica, type Replica } from "./replica.ts";
import { tell, type World } from "./world.ts";

/** A second installation of the bot: a database and an archive of its own, and the same managed root and keys. */
export class Guest {
  readonly #w: World;
  readonly #owner: Database;
  readonly #replica: Replica;
  readonly #oracle: Oracle;
  /** The first installation's database, put aside meanwhile. */
  readonly #aside: Backup;
  /** Whether anything there says whose it is: then nothing may be changed until two people adopt it. */
  readonly #isOthers: boolean;
  #isAdopted = false;
  /** Whether it set its own mark at the managed root. */
  hasMarked = false;

  private constructor(w: World, owner: Database, keys: FourKeys, aside: Backup) {
    this.#w = w;
    this.#owner = owner;
    this.#aside = aside;
    this.#oracle = new Oracle(w);
    this.#replica = createReplica(w, "C1", keys);
    const top = w.cloud.tree().children.find((d) => d.name === "ci");
    // Only Twokey makes ids of version 5.
    this.#isOthers = top?.children.some((d) => d.id[14] === "5") === true;
    w.stop.isOn = this.#isOthers;
  }

  /** Puts the first installation's database aside, and starts. */
  static async arrive(w: World, owner: Database, keys: FourKeys): Promise<Guest> {
    const aside = await takeBackup(w, owner);
    tell(w, "a second installation arrives");
    return new Guest(await newInstallation(w, owner), owner, keys, aside);
  }

  /** It works for a while, and its people may adopt what it found. */
  async work(): Promise<void> {
    const { more } = this.#w;
    await this.#replica.verifyOwner();
    await this.#pass();
    // What is found after people accepted something is asked about again.
    for (let rounds = more.hit(0.6) ? 2 : 0; rounds > 0; rounds--) {
      await this.#adopt();
      await this.#pass();
    }
    await this.#replica.schedules.find((s) => s.name === "sweep-deletions")?.run();
    for (const id of this.#w.queue.keys()) await this.#replica.work.deletion(id, new AbortController().signal);
    await this.#pass();
  }

  /** The first installation's database stands in its place again. */
  async leave(): Promise<void> {
    await this.#replica.deletions.ownership.idle();
    this.#replica.process.dead = true;
    await putRows(this.#owner, this.#aside.rows);
    tell(this.#w, `the second installation leaves${this.hasMarked ? ", and its mark stays" : ""}`);
  }

  /** Looks at a call before it is sent. */
  async before(params: URLSearchParams): Promise<void> {
    const command = params.get("command") ?? "";
    if (!this.#replica.process.apiKeys.has(params.get("apikey") ?? "")) return;
    if (this.#isAdopted || !this.#isOthers) return this.#oracle.judge(params, this.#replica.process);
    if (/^(?:list|query|get)/.test(command)) return;
    this.#w.violations.push(`INV-1: a second installation sends ${command}, and nobody adopted the first one's domains`);
  }

  /** Hears what became of a call. */
  async after(params: URLSearchParams, status: number): Promise<void> {
    if (params.get("command") === "addAnnotation" && status === 200) this.hasMarked = true;
  }

  async #adopt(): Promise<void> {
    const [first, second] = this.#w.directory.approvers;
    for (const who of [first ?? team[0], second ?? team[1]]) {
      if (who === undefined) continue;
      const done = await this.#replica.services.sync.resume(asNow(this.#w, who));
      this.#isAdopted ||= done.ok && done.value.resumed;
    }
    this.#w.stop.isOn &&= !this.#isAdopted;
    tell(this.#w, `its people ${this.#isAdopted ? "adopt all that it found" : "cannot adopt it"}`);
  }

  async #pass(): Promise<void> {
    this.#w.clock.at += 60_000;
    const done = await this.#replica.runPass({ kind: "fleet", root }, { kind: "schedule" });
    const came = done.ok ? [done.value.state, ...done.value.plan.holds.map((h) => h.kind)] : [done.error.code];
    tell(this.#w, `its pass comes to ${came.join(", ")}`);
  }
}
