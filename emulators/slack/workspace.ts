import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { JsonObject } from "./control-api.ts";
import type { SlackSeed } from "./seed.ts";

/** One stored message; `visibleTo` makes it ephemeral. */
export interface Message {
  ts: string;
  user: string;
  text: string;
  blocks: readonly JsonObject[];
  threadTs: string | null;
  edited: boolean;
  visibleTo: string | null;
  metadata: JsonObject | null;
  files: { id: string; name: string; mimetype: string; bytes: string }[];
}

/** A channel or a direct message. */
export interface Conversation {
  id: string;
  name: string;
  kind: "channel" | "im";
  members: string[];
  isExtShared: boolean;
  isArchived: boolean;
  messages: Message[];
}

/** A view open for one person. */
export interface OpenView {
  id: string;
  user: string;
  hash: string;
  rootId: string;
  previousId: string | null;
  view: JsonObject;
  errors: Record<string, string>;
}

/** What is kept in the state file. */
interface Kept {
  conversations: Conversation[];
  homes: Record<string, JsonObject>;
  counter: number;
}

/** All that the emulator holds; every change raises `version`. */
export class Workspace {
  readonly seed: SlackSeed;
  readonly now: () => number;
  version = 1;
  conversations: Conversation[];
  homes: Record<string, JsonObject> = {};
  views: OpenView[] = [];
  notices: { user: string; at: string; text: string }[] = [];
  triggers = new Map<string, { user: string; at: number; used: boolean }>();
  responseUrls = new Map<string, { user: string; channel: string; ts: string | null; at: number; uses: number }>();
  uploads = new Map<string, { id: string; name: string; bytes: Buffer | null }>();
  #listeners = new Set<(version: number) => void>();
  #counter = 0;
  #stateFile: string | undefined;
  #saving: NodeJS.Timeout | undefined;

  constructor(seed: SlackSeed, now: () => number, stateFile?: string) {
    this.seed = seed;
    this.now = now;
    this.#stateFile = stateFile;
    const kept = stateFile !== undefined && existsSync(stateFile) ? (JSON.parse(readFileSync(stateFile, "utf8")) as Kept) : null;
    this.conversations =
      kept?.conversations ??
      seed.channels.map((c) => ({
        id: c.id,
        name: c.name,
        kind: "channel",
        members: [...c.members],
        isExtShared: c.isExtShared ?? false,
        isArchived: c.isArchived ?? false,
        messages: [],
      }));
    this.homes = kept?.homes ?? {};
    this.#counter = kept?.counter ?? 0;
  }

  changed(): void {
    this.version += 1;
    for (const listener of this.#listeners) listener(this.version);
    if (this.#stateFile !== undefined) this.#saving ??= setTimeout(() => this.flush(), 150).unref();
  }

  onChange(listener: (version: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  flush(): void {
    clearTimeout(this.#saving);
    this.#saving = undefined;
    if (this.#stateFile === undefined) return;
    const kept: Kept = { conversations: this.conversations, homes: this.homes, counter: this.#counter };
    mkdirSync(path.dirname(this.#stateFile), { recursive: true });
    writeFileSync(`${this.#stateFile}.new`, JSON.stringify(kept));
    renameSync(`${this.#stateFile}.new`, this.#stateFile);
  }

  user(id: string) {
    return this.seed.users.find((u) => u.id === id);
  }

  conversation(id: string): Conversation | undefined {
    return this.conversations.find((c) => c.id === id);
  }

  im(user: string): Conversation {
    const bot = this.seed.app.botUserId;
    const found = this.conversations.find((c) => c.kind === "im" && c.members.includes(user));
    if (found !== undefined) return found;
    const made: Conversation = {
      id: `D${user.slice(1)}`,
      name: user,
      kind: "im",
      members: [user, bot],
      isExtShared: false,
      isArchived: false,
      messages: [],
    };
    this.conversations.push(made);
    return made;
  }

  nextTs(): string {
    this.#counter += 1;
    return `${Math.floor(this.now() / 1000)}.${String(this.#counter).padStart(6, "0")}`;
  }

  newId(prefix: string): string {
    return `${prefix}${randomBytes(5).toString("hex").toUpperCase()}`;
  }

  newTrigger(user: string): string {
    const id = `${Math.floor(this.now())}.${randomBytes(6).toString("hex")}`;
    this.triggers.set(id, { user, at: this.now(), used: false });
    return id;
  }

  notice(user: string, text: string): void {
    this.notices.push({ user, at: new Date(this.now()).toISOString(), text });
    this.changed();
  }
}
