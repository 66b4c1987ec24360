import type { JsonObject } from "./control-api.ts";
import type { SeedChannel, SeedUser, SeedUsergroup, SlackSeed } from "./seed.ts";

/** One message as it is stored. `visibleTo` makes it ephemeral; `past` holds the blocks it had before it was updated. */
export interface StoredMessage {
  readonly ts: string;
  readonly channel: string;
  readonly user: string;
  readonly byApp: boolean;
  readonly threadTs: string | null;
  readonly visibleTo: string | null;
  text: string;
  blocks: JsonObject[];
  attachments: JsonObject[];
  metadata: JsonObject | null;
  editedTs: string | null;
  fileIds: string[];
  reactions: { name: string; users: string[] }[];
  past: JsonObject[][];
}

/** One channel or direct message. For an `im`, `members` are the person and the app's bot. */
export interface StoredChannel {
  readonly id: string;
  readonly name: string;
  readonly kind: "channel" | "im";
  readonly isPrivate: boolean;
  readonly isExtShared: boolean;
  readonly created: number;
  isArchived: boolean;
  /** An im is open once one of the two has opened it. */
  isOpen: boolean;
  members: string[];
}

/** One modal or home tab. `values` is what the person has put in so far, by block_id and action_id. */
export interface StoredView {
  readonly id: string;
  readonly user: string;
  readonly rootId: string;
  readonly previousId: string | null;
  content: JsonObject;
  hash: string;
  values: Record<string, Record<string, JsonObject>>;
  errors: Record<string, string>;
}

/** One uploaded file; `bytes` in base64, null until they were uploaded. */
export interface StoredFile {
  readonly id: string;
  readonly name: string;
  readonly length: number;
  readonly created: number;
  title: string;
  mimetype: string;
  bytes: string | null;
  channels: string[];
}

/** One response_url: where it may write and how often still. Times in milliseconds. */
export interface ResponseTicket {
  readonly token: string;
  readonly user: string;
  readonly channel: string;
  readonly messageTs: string | null;
  readonly expiresAt: number;
  left: number;
}

/** Something Slack itself tells a person. */
export interface StoredNotice {
  readonly user: string;
  readonly at: string;
  readonly text: string;
}

/** All that a workspace remembers, as plain JSON. */
export interface WorkspaceState {
  version: number;
  lastMicros: number;
  lastId: number;
  users: SeedUser[];
  usergroups: SeedUsergroup[];
  channels: StoredChannel[];
  messages: Record<string, StoredMessage[]>;
  views: StoredView[];
  homes: Record<string, string>;
  files: StoredFile[];
  tickets: ResponseTicket[];
  notices: StoredNotice[];
}

/** The state before anything happened: each person has a direct message with the app, not opened yet. */
export function firstState(seed: SlackSeed, now: number): WorkspaceState {
  return {
    version: 1,
    lastMicros: 0,
    lastId: 0,
    users: [...seed.users],
    usergroups: [...seed.usergroups],
    channels: [
      ...seed.channels.map((channel) => channelOf(channel, now)),
      ...seed.users.filter((user) => user.isBot !== true).map((user) => imOf(seed, user.id, now)),
    ],
    messages: {},
    views: [],
    homes: {},
    files: [],
    tickets: [],
    notices: [],
  };
}

/** A loaded state, with what the seed has and the state has not. */
export function withSeed(state: WorkspaceState, seed: SlackSeed, now: number): WorkspaceState {
  const fresh = firstState(seed, now);
  return {
    ...state,
    users: addMissing(state.users, fresh.users),
    usergroups: addMissing(state.usergroups, fresh.usergroups),
    channels: addMissing(state.channels, fresh.channels),
  };
}

/** The id of the direct message between a person and the app. */
export function imIdOf(userId: string): string {
  return `D${userId.slice(1)}`;
}

function addMissing<T extends { readonly id: string }>(old: readonly T[], more: readonly T[]): T[] {
  return [...old, ...more.filter((item) => !old.some((known) => known.id === item.id))];
}

function channelOf(channel: SeedChannel, now: number): StoredChannel {
  return {
    id: channel.id,
    name: channel.name,
    kind: "channel",
    isPrivate: channel.isPrivate ?? false,
    isExtShared: channel.isExtShared ?? false,
    isArchived: channel.isArchived ?? false,
    created: Math.floor(now / 1000),
    isOpen: true,
    members: [...channel.members],
  };
}

function imOf(seed: SlackSeed, userId: string, now: number): StoredChannel {
  return {
    id: imIdOf(userId),
    name: "directmessage",
    kind: "im",
    isPrivate: true,
    isExtShared: false,
    isArchived: false,
    created: Math.floor(now / 1000),
    isOpen: false,
    members: [userId, seed.app.botUserId],
  };
}
