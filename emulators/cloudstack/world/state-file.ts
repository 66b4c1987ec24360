import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Base } from "./base.ts";
import type { Row } from "./rows.ts";
import { World, type TableName } from "./world.ts";

const FORMAT = 2;

interface Saved {
  readonly format: number;
  readonly base: Base;
  readonly lastRun: Record<string, number>;
  readonly configuration: Record<string, string>;
  readonly tables: Record<string, Row[]>;
}

/** Loads a world that was saved; `undefined` where there is no such file. Errors: throws where the file is not one of ours. */
export function loadWorld(path: string): World | undefined {
  if (!existsSync(path)) return undefined;
  const saved = JSON.parse(readFileSync(path, "utf8")) as Saved;
  if (saved.format !== FORMAT) {
    throw new Error(`the emulator's state file has format ${saved.format}, ${FORMAT} is wanted: delete ${path} to begin with a new world`);
  }
  const world = new World(saved.base);
  Object.assign(world.lastRun, saved.lastRun);
  Object.assign(world.configuration, saved.configuration);
  const tables = world.tables();
  for (const [name, rows] of Object.entries(saved.tables)) for (const row of rows) tables[name as TableName].restore(row);
  world.rebuild();
  return world;
}

/** Writes a world to a file: first beside it, then renamed, so that a reader never sees half of it. */
export function saveWorld(world: World, path: string): void {
  const tables = Object.fromEntries(Object.entries(world.tables()).map(([name, table]) => [name, [...table.everything()]]));
  const saved: Saved = { format: FORMAT, base: world.base, lastRun: world.lastRun, configuration: world.configuration, tables };
  const beside = `${path}.new`;
  writeFileSync(beside, JSON.stringify(saved), { mode: 0o600 });
  renameSync(beside, path);
}

/** Saves a world some time after each change, at most once in that time. */
export class StateKeeper {
  readonly #world: World;
  readonly #path: string;
  #timer: NodeJS.Timeout | undefined;

  constructor(world: World, path: string, delayMs: number) {
    this.#world = world;
    this.#path = path;
    world.onChange = () => {
      this.#timer ??= setTimeout(() => this.flush(), delayMs).unref();
    };
  }

  /** Saves now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    saveWorld(this.#world, this.#path);
  }
}
