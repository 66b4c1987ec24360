import { refuse } from "./refusal.ts";
import type { SeedUser, SeedUsergroup, SlackSeed } from "./seed.ts";
import { firstState, imIdOf, type StoredChannel, type StoredMessage, type StoredView, type WorkspaceState } from "./state.ts";

const NOTICES_KEPT = 50;

/** The workspace: everything there is, ids and times for what is new, and who must know of a change. */
export class Workspace {
  readonly seed: SlackSeed;
  readonly now: () => number;
  readonly state: WorkspaceState;
  readonly #listeners = new Set<(version: number) => void>();

  constructor(seed: SlackSeed, now: () => number, state?: WorkspaceState) {
    this.seed = seed;
    this.now = now;
    this.state = state ?? firstState(seed, now());
  }

  /** Says that something changed; listeners hear the new version. */
  changed(): void {
    this.state.version += 1;
    for (const listener of this.#listeners) listener(this.state.version);
  }

  /** Hears of every change until the returned function is called. */
  onChange(listener: (version: number) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A message time stamp that no other message has. */
  nextTs(): string {
    this.state.lastMicros = Math.max(Math.floor(this.now() * 1000), this.state.lastMicros + 1);
    const micros = String(this.state.lastMicros).padStart(7, "0");
    return `${micros.slice(0, -6)}.${micros.slice(-6)}`;
  }

  /** An id that nothing else has, such as `V000000012`. */
  readonly nextId = (prefix: string): string => {
    this.state.lastId += 1;
    return `${prefix}0${this.state.lastId.toString(36).toUpperCase().padStart(8, "0")}`;
  };

  user(id: string): SeedUser | undefined {
    return this.state.users.find((user) => user.id === id);
  }

  channel(id: string): StoredChannel | undefined {
    return this.state.channels.find((channel) => channel.id === id);
  }

  /** The direct message between a person and the app. */
  im(userId: string): StoredChannel | undefined {
    return this.channel(imIdOf(userId));
  }

  usergroup(id: string): SeedUsergroup | undefined {
    return this.state.usergroups.find((group) => group.id === id);
  }

  view(id: string): StoredView | undefined {
    return this.state.views.find((view) => view.id === id);
  }

  /** The modals of a person, the one on top last. */
  modals(userId: string): readonly StoredView[] {
    return this.state.views.filter((view) => view.user === userId && view.content["type"] === "modal");
  }

  home(userId: string): StoredView | undefined {
    return this.view(this.state.homes[userId] ?? "");
  }

  messages(channelId: string): StoredMessage[] {
    return (this.state.messages[channelId] ??= []);
  }

  message(channelId: string, ts: string): StoredMessage | undefined {
    return this.state.messages[channelId]?.find((message) => message.ts === ts);
  }

  /** Tells a person something in Slack's own name. */
  notice(user: string, text: string): void {
    const { notices } = this.state;
    notices.push({ user, at: new Date(this.now()).toISOString(), text });
    const mine = notices.filter((notice) => notice.user === user);
    const oldest = mine[0];
    if (mine.length > NOTICES_KEPT && oldest !== undefined) notices.splice(notices.indexOf(oldest), 1);
    this.changed();
  }

  /** A person who may act: known, active and no bot. Errors: refuses `user_not_found`, `account_inactive`, `user_is_bot`. */
  actor(id: string): SeedUser {
    const user = this.user(id) ?? refuse("user_not_found");
    if (user.deleted === true) refuse("account_inactive");
    if (user.isBot === true) refuse("user_is_bot");
    return user;
  }
}
