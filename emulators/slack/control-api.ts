/**
 * The emulator's control API: how a page, a story or a test plays the people in a Slack workspace.
 *
 * Everything is JSON over HTTP under `/emulator/`. It is not part of Slack: the bot never calls it.
 * Every POST names the person who acts (`as`, a user id) and answers `ActReply`.
 *
 *   GET  /emulator/view?as=U…       → `WorkspaceView`: all that this person sees now; with `&after=n` once version `n` has changed, or 250 ms later
 *   GET  /emulator/stream           → server-sent events; `data: {"version": n}` after each change
 *   POST /emulator/command          → `CommandAct`
 *   POST /emulator/message          → `MessageAct`
 *   POST /emulator/click            → `ClickAct`     a button or another element of a message, home or modal
 *   POST /emulator/submit           → `SubmitAct`    submit the modal on top
 *   POST /emulator/close            → `CloseAct`     close the modal on top
 *   POST /emulator/options          → `OptionsAct`   load the options of an external_select
 *   POST /emulator/home             → `{ as }`       open the App Home tab
 *   POST /emulator/faults           → `SlackFaults`  replaces the switched-on faults
 *   POST /emulator/usergroup        → `UsergroupChange`, told to the app as an event
 *   POST /emulator/user             → `UserChange`, told to the app as an event
 *   POST /emulator/channel          → `ChannelChange`
 *   POST /emulator/delete-message   → `{ channel, ts }`: an administrator deletes a message
 *   GET  /emulator/sent             → `SentCall[]`   what the bot called, in order, tokens left out
 */

/** A block, view or element as the bot sent it; the emulator has checked it against Slack's rules. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** One person, bot or guest of the workspace, as `users.info` tells it. */
export interface PersonView {
  readonly id: string;
  readonly name: string;
  readonly realName: string;
  readonly email: string | null;
  readonly title: string;
  readonly isBot: boolean;
  readonly isGuest: boolean;
  readonly deleted: boolean;
}

/** One message as one person sees it. `ephemeral` ones are seen by `visibleTo` only. */
export interface MessageView {
  readonly ts: string;
  readonly threadTs: string | null;
  readonly user: string;
  readonly text: string;
  readonly blocks: readonly JsonObject[];
  readonly edited: boolean;
  readonly ephemeral: boolean;
  readonly replyCount: number;
  readonly files: readonly { readonly id: string; readonly name: string; readonly url: string; readonly mimetype: string }[];
}

/** One channel or direct message the person is in, oldest message first. */
export interface ConversationView {
  readonly id: string;
  readonly name: string;
  readonly kind: "channel" | "im";
  /** For `im`: the other person. */
  readonly peer: string | null;
  readonly messages: readonly MessageView[];
}

/** A modal open for this person; the last one of the list is on top. */
export interface ModalView {
  readonly id: string;
  readonly view: JsonObject;
  /** Errors of the last submit, by block_id. */
  readonly errors: { readonly [blockId: string]: string };
}

/** All that one person sees. */
export interface WorkspaceView {
  readonly version: number;
  readonly me: PersonView;
  readonly people: readonly PersonView[];
  readonly usergroups: readonly { readonly id: string; readonly handle: string }[];
  readonly conversations: readonly ConversationView[];
  readonly modals: readonly ModalView[];
  readonly home: JsonObject | null;
  /** What Slack itself would tell this person: "/ci-x failed with the error dispatch_failed", a warning triangle. */
  readonly notices: readonly { readonly at: string; readonly text: string }[];
  readonly commands: readonly { readonly command: string; readonly description: string; readonly usageHint: string }[];
}

/** A slash command typed in a channel. */
export interface CommandAct {
  readonly as: string;
  readonly channel: string;
  readonly command: string;
  readonly text: string;
}

/** A message typed in a channel, a thread or a direct message. */
export interface MessageAct {
  readonly as: string;
  readonly channel: string;
  readonly text: string;
  readonly threadTs?: string;
}

/** Where the element stands: a message (`channel`, `ts`), an open modal (`viewId`) or the home tab (`home`). */
export interface ClickAct {
  readonly as: string;
  readonly channel?: string;
  readonly ts?: string;
  readonly viewId?: string;
  readonly home?: boolean;
  readonly actionId: string;
  readonly blockId?: string;
  /** For selects, radio buttons, checkboxes: the chosen value(s). For a button: only to forge another value. */
  readonly value?: string | readonly string[];
  /** The person's client still shows the message as it was before it was updated: its old elements can be clicked too. */
  readonly stale?: boolean;
}

/** `values`: by block_id, then action_id: text, or chosen value(s). */
export interface SubmitAct {
  readonly as: string;
  readonly viewId: string;
  readonly values: { readonly [blockId: string]: { readonly [actionId: string]: string | readonly string[] } };
}

/** Closes a modal. */
export interface CloseAct {
  readonly as: string;
  readonly viewId: string;
}

/** Types into an external select: which options would it offer? */
export interface OptionsAct {
  readonly as: string;
  readonly channel?: string;
  readonly ts?: string;
  readonly viewId?: string;
  readonly actionId: string;
  readonly value: string;
}

/** `ok` false: Slack would not let the person do this (no such button, disabled, not in the channel). */
export type ActReply =
  | { readonly ok: true; readonly acked: boolean; readonly ackMs: number; readonly options?: readonly JsonObject[] }
  | { readonly ok: false; readonly error: string };

/** Faults that stay on until replaced; all off by default. */
export interface SlackFaults {
  /** Every Web API call of these methods (or "*") answers this. */
  readonly fail?: readonly { readonly method: string; readonly error: string; readonly status?: number; readonly times?: number }[];
  readonly rateLimit?: readonly { readonly method: string; readonly retryAfterSeconds: number; readonly times?: number }[];
  readonly delayMs?: number;
  /** Each interaction is delivered this many times. */
  readonly deliver?: number;
  /** Close the sockets now. */
  readonly dropSockets?: boolean;
  readonly refreshSockets?: boolean;
}

/** An administrator changes who is in a user group. */
export interface UsergroupChange {
  readonly id: string;
  readonly users: readonly string[];
}

/** An administrator deactivates a person, makes them a guest, or changes their mail; what is not given stays. */
export interface UserChange {
  readonly id: string;
  readonly deleted?: boolean;
  readonly isGuest?: boolean;
  readonly email?: string | null;
}

/** Someone archives a channel or changes who is in it, the bot too; what is not given stays. */
export interface ChannelChange {
  readonly id: string;
  readonly isArchived?: boolean;
  readonly members?: readonly string[];
}

/** One Web API call of the bot. Tokens and upload bytes are left out. */
export interface SentCall {
  readonly at: string;
  readonly method: string;
  readonly args: JsonObject;
  readonly answer: JsonObject;
}
