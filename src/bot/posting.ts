import type { WebClient } from "@slack/web-api";
import type { Clock, Sleep } from "../core/clock.ts";
import { digestOf } from "../core/digest.ts";
import { fail, type Failure } from "../core/failure.ts";
import { ok, type Result } from "../core/result.ts";
import type { Database } from "../store/db.ts";
import { readPostedMessage, recordPostedMessage, type PostedMessage } from "../store/posted-messages.ts";
import type { Events } from "../events.ts";
import { safe, type Mrkdwn } from "./render/blocks.ts";
import { fitted } from "./render/message-size.ts";
import type { Rendering } from "./render/plan.ts";
import { putFile, type TextFile } from "./text-file.ts";
import { errorCode, isPassing } from "./slack.ts";

/** Posts messages once and keeps them up to date in place. */
export interface Posting {
  /** Shows a message under `key`: posts it when new, updates it when changed. Later calls win. */
  show(key: string, channel: string, rendering: Rendering): Promise<void>;
  /** Updates the message under `key` in place; one that is not there, or can no longer be changed, is not posted again. */
  correct(key: string, channel: string, rendering: Rendering): Promise<void>;
  /** Shows it and waits for it; false: not now, and it is tried again, as with `show`. Errors: Slack refuses it until something is changed. */
  showNow(key: string, channel: string, rendering: Rendering): Promise<Result<boolean, Failure>>;
  /** The same; false: not now, and only the caller tries it again. */
  tryNow(key: string, channel: string, rendering: Rendering): Promise<Result<boolean, Failure>>;
  /** Posts one line of plain text in the thread of the message under `key`, once for each `noteKey`. */
  note(key: string, noteKey: string, plainText: string): Promise<void>;
  /** A note with times or mentions of ours; false: it is not there now. */
  say(key: string, noteKey: string, text: Mrkdwn): Promise<boolean>;
  /** Puts a text file into the thread of the message under `key`, once for each `fileKey`. Errors: Slack did not take it; `slack.no_message`. */
  file(key: string, fileKey: string, file: TextFile): Promise<Result<null, Failure>>;
  /** Waits until everything is posted, or failed and waits to be tried again. */
  settle(): Promise<void>;
  /** From now on, nothing is tried again. */
  stop(): void;
}

/** The pause between two updates of one message: Slack takes about 50 a minute, and one post a second in a channel. Units: ms. */
const UPDATE_PAUSE_MS = 900;
/** Waits before the retries of a message that Slack did not take: about a quarter of an hour in all. Units: ms. */
const AGAIN_MS = [2_000, 5_000, 15_000, 60_000, 300_000, 600_000] as const;
/** Codes after which a message can no longer be updated, and is posted again. */
const LOST = new Set(["message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found", "is_inactive"]);
/** Slack's code for more than one message holds, by a count of its own; and how much is then sent, as JSON. */
const [TOO_LONG, SHORT_MAX] = ["msg_blocks_too_long", 6000] as const;
/** Codes by which Slack refuses the blocks; the text alone is then sent. */
const BAD_BLOCKS = new Set(["invalid_blocks", "invalid_blocks_format", TOO_LONG, "block_mismatch"]);

/** How long a replica waits for another one that posts the same message. Units: milliseconds. */
const OTHER_POSTS_MS = 60_000;

type Blocks = Rendering["blocks"][number][];

/** What is to be shown. */
interface Wanted {
  readonly channel: string;
  readonly rendering: Rendering;
  /** Whether it is posted where there is no message to update. */
  readonly mayPost: boolean;
  /** Whether what Slack did not take just now stays wanted. */
  readonly isKept: boolean;
}

interface PostingOptions {
  readonly client: WebClient;
  readonly db: Database;
  readonly now: Clock;
  readonly sleep: Sleep;
  readonly events: Events;
}

/** Makes the posting service; one chain of work for each message, so that its last state is always shown in the end. */
export function createPosting(o: PostingOptions): Posting {
  const wanted = new Map<string, Wanted>();
  const running = new Map<string, Promise<string | null>>();
  const stopping = new AbortController();

  /** Retries what Slack did not take, until it is shown or this process stops. */
  async function later(key: string, tries: number): Promise<void> {
    const wait = AGAIN_MS[tries];
    if (!wanted.has(key) || wait === undefined) return;
    // A stop ends the wait with an error.
    await o.sleep(wait, stopping.signal).catch(() => undefined);
    if (!stopping.signal.aborted && !running.has(key)) await start(key, tries + 1);
  }

  const codeOfUnshown = (thrown: unknown): string => {
    o.events.bug("slack.not_shown", thrown);
    return errorCode(thrown);
  };

  const want = (key: string, channel: string, rendering: Rendering, isKept = true) =>
    wanted.set(key, { channel, rendering, mayPost: true, isKept });

  /** Slack's code for why it was not shown, or null. */
  const start = (key: string, tries = 0): Promise<string | null> => {
    const busy = running.get(key);
    if (busy !== undefined) return busy;
    const done = showAll(key, wanted, o)
      .then(() => null, codeOfUnshown)
      .then((code) => {
        running.delete(key);
        if (code !== null) void later(key, tries);
        return code;
      });
    running.set(key, done);
    return done;
  };
  const startNow = async (key: string): Promise<Result<boolean, Failure>> => {
    const code = await start(key);
    return code === null || isPassing(code) ? ok(code === null) : fail("rejected", `slack.${code}`, `Slack refused the message: ${code}`);
  };
  return {
    async show(key, channel, rendering) {
      want(key, channel, rendering);
      const first = (await readPostedMessage(o.db, key).catch(() => null)) === null;
      const done = start(key);
      // The first posting is waited for, so that notes and clicks can refer to it; updates are not.
      if (first) await done;
    },
    async correct(key, channel, rendering) {
      wanted.set(key, { channel, rendering, mayPost: wanted.get(key)?.mayPost ?? false, isKept: true });
      void start(key);
    },
    showNow: (key, channel, rendering) => (want(key, channel, rendering), startNow(key)),
    tryNow: (key, channel, rendering) => (want(key, channel, rendering, false), startNow(key)),
    note: async (key, noteKey, text) => void (await postNote(key, noteKey, safe(text, TEXT_MAX), o)),
    say: (key, noteKey, text) => postNote(key, noteKey, text, o),
    file: (key, fileKey, file) => putFile(key, fileKey, file, o),
    async settle() {
      while (running.size > 0) await Promise.all(running.values());
    },
    stop() {
      stopping.abort();
    },
  };
}

/** Shows what is wanted under a key, and what becomes wanted meanwhile. Errors: throws what Slack or the store says. */
async function showAll(key: string, wanted: Map<string, Wanted>, o: PostingOptions): Promise<void> {
  for (let next = wanted.get(key); next !== undefined; next = wanted.get(key)) {
    wanted.delete(key);
    const sent = await showOnce(key, next, o).catch((thrown: unknown) => {
      // A newer state wins over the one that failed.
      if (next.isKept && isPassing(errorCode(thrown)) && !wanted.has(key)) wanted.set(key, next);
      throw thrown;
    });
    if (sent && wanted.has(key)) await o.sleep(UPDATE_PAUSE_MS);
  }
}

/** Nothing in a message becomes a mention or a link by itself. */
const PLAIN = { parse: "none" as const, link_names: false };

/** Longest text beside the blocks. */
const TEXT_MAX = 1500;

/** What is sent of a message. Slack reads links and mentions in its text too, and may show it in the place of the blocks. */
export function bodyOf(r: Rendering): { readonly text: string; readonly blocks: Blocks } {
  return { text: safe(r.text, TEXT_MAX), blocks: [...fitted(r.blocks)] };
}

/** Posts a message or updates it in place; false when nothing was to be sent. Errors: throws what Slack refused. */
async function showOnce(key: string, wanted: Wanted, o: PostingOptions): Promise<boolean> {
  const digest = digestOf({ text: wanted.rendering.text, blocks: JSON.parse(JSON.stringify(wanted.rendering.blocks)) });
  const known = await readPostedMessage(o.db, key);
  if (known !== null) return updateOnce(known, digest, wanted, o);
  if (!wanted.mayPost) return false;
  return alone(key, o, async () => {
    const since = await readPostedMessage(o.db, key);
    return since === null ? postOnce(key, digest, wanted, o) : updateOnce(since, digest, wanted, o);
  });
}

/** Posts what has no message yet in one replica at a time: each looks first whether another one posted it. */
async function alone<T>(key: string, o: PostingOptions, post: () => Promise<T>): Promise<T> {
  const done = await o.db.withAdvisoryLock(`twokey.post:${key}`, { waitMs: OTHER_POSTS_MS, pollMs: 50 }, post);
  // It is tried again, as when Slack could not be reached.
  if (!done.held) throw new Error(`another process has been posting ${key} for a minute`);
  return done.value;
}

async function updateOnce(known: PostedMessage, digest: string, wanted: Wanted, o: PostingOptions): Promise<boolean> {
  if (known.digest === digest) return false;
  const { key, channel, ts } = known;
  const body = { ...bodyOf(wanted.rendering), ...PLAIN };
  try {
    await sendInBlocks(key, body.blocks, o, (blocks) => o.client.chat.update({ channel, ts, ...body, blocks }));
    await recordPostedMessage(o.db, { ...known, digest, at: o.now() });
    return true;
  } catch (thrown) {
    const code = errorCode(thrown);
    if (!LOST.has(code)) throw thrown;
    o.events.warn("slack.message_lost", { code, key });
    return wanted.mayPost && postOnce(key, digest, wanted, o);
  }
}

async function postOnce(key: string, digest: string, wanted: Wanted, o: PostingOptions): Promise<boolean> {
  const { channel, rendering } = wanted;
  const body = { ...bodyOf(rendering), ...PLAIN, unfurl_links: false, unfurl_media: false };
  const posted = await sendInBlocks(key, body.blocks, o, (blocks) => o.client.chat.postMessage({ channel, ...body, blocks }));
  await recordPostedMessage(o.db, { key, channel: posted.channel ?? channel, ts: posted.ts ?? "", digest, at: o.now() });
  return true;
}

/**
 * Sends with blocks; where Slack takes less of them than we think, with short ones; where it refuses them, the text alone: without buttons
 * nobody can approve, the safe side.
 */
async function sendInBlocks<T>(key: string, blocks: Blocks, o: PostingOptions, send: (blocks: Blocks) => Promise<T>): Promise<T> {
  try {
    return await send(blocks);
  } catch (thrown) {
    const code = errorCode(thrown);
    if (!BAD_BLOCKS.has(code)) throw thrown;
    o.events.error("slack.blocks_refused", { code, key, said: blockProblems(thrown) });
    const short = code === TOO_LONG ? [...fitted(blocks, SHORT_MAX)] : [];
    return short.length > 0 && JSON.stringify(short) !== JSON.stringify(blocks) ? sendInBlocks(key, short, o, send) : send([]);
  }
}

/** False: it is not posted, since the message is not there or Slack did not take it. */
async function postNote(key: string, noteKey: string, text: Mrkdwn, o: PostingOptions): Promise<boolean> {
  const main = await readPostedMessage(o.db, key);
  if (main === null) return false;
  const own = `${key}:${noteKey}`;
  if ((await readPostedMessage(o.db, own)) !== null) return true;
  const { channel, ts } = main;
  try {
    await alone(own, o, async () => {
      if ((await readPostedMessage(o.db, own)) !== null) return;
      const posted = await o.client.chat.postMessage({ channel, thread_ts: ts, text, ...PLAIN, unfurl_links: false, unfurl_media: false });
      await recordPostedMessage(o.db, { key: own, channel, ts: posted.ts ?? "", digest: digestOf({ text }), at: o.now() });
    });
    return true;
  } catch (thrown) {
    o.events.warn("slack.note_lost", { code: errorCode(thrown), key });
    return false;
  }
}

/** What Slack says is wrong with the blocks: places and rules, nothing of their text. */
function blockProblems(thrown: unknown): string {
  const data = (thrown as { data?: { response_metadata?: { messages?: unknown } } }).data;
  const messages = data?.response_metadata?.messages;
  return Array.isArray(messages) ? messages.slice(0, 5).map(String).join("; ").slice(0, 500) : "";
}
