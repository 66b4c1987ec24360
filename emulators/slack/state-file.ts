import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isJsonObject, parseJson } from "./json.ts";
import type { SlackSeed } from "./seed.ts";
import { firstState, withSeed, type WorkspaceState } from "./state.ts";
import type { Workspace } from "./workspace.ts";

/** Reads a saved state. Errors: throws when the file is there and is not a state, so that nothing is overwritten by mistake. */
export function loadState(file: string, seed: SlackSeed, now: number): WorkspaceState {
  if (!existsSync(file)) return firstState(seed, now);
  const saved = parseJson(readFileSync(file, "utf8"));
  if (!isJsonObject(saved) || !Array.isArray(saved["channels"])) throw new Error(`${file} is not a state of the Slack emulator`);
  return withSeed({ ...firstState(seed, now), ...saved } as WorkspaceState, seed, now);
}

/** Saves the state a little after each change, whole or not at all. */
export class StateKeeper {
  readonly #workspace: Workspace;
  readonly #file: string;
  #timer: NodeJS.Timeout | null = null;
  readonly #stop: () => void;

  constructor(workspace: Workspace, file: string, delayMs: number) {
    this.#workspace = workspace;
    this.#file = file;
    this.#stop = workspace.onChange(() => {
      this.#timer ??= setTimeout(() => this.save(), delayMs).unref();
    });
  }

  /** Writes the state beside the file and moves it into place. */
  save(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    mkdirSync(path.dirname(this.#file), { recursive: true });
    writeFileSync(`${this.#file}.new`, JSON.stringify(this.#workspace.state));
    renameSync(`${this.#file}.new`, this.#file);
  }

  close(): void {
    this.#stop();
    this.save();
  }
}
