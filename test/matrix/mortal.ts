import axios, { type AxiosRequestConfig, type AxiosResponse } from "axios";
import { PassThrough } from "node:stream";
import type { ArchiveStore } from "../../src/archive/ports.ts";
import type { Database, Queryable, Transaction } from "../../src/store/db.ts";
import { isRead, type Edge, type Point } from "./point.ts";

/** Decides at each point whether to die there; what it kills does not come back. */
export type Reaper = (point: Point) => void;

/** A life that can end at every point: it counts them, and knows in which phase and after which step it is. */
export class Mortality {
  phase = "opening";
  step = "-";
  /** Messages that Slack may have taken, and of which no row says so yet: they are sent while other things go on. */
  unrecordedPosts = 0;
  readonly #reap: Reaper;
  readonly #isEveryRead: boolean;
  #counts = new Map<string, number>();

  constructor(reap: Reaper, o: { readonly isEveryRead: boolean }) {
    this.#reap = reap;
    this.#isEveryRead = o.isEveryRead;
  }

  /** The deletion stands elsewhere now; counting starts again. */
  moveTo(phase: string, step: string): void {
    if (phase === this.phase && step === this.step) return;
    this.phase = phase;
    this.step = step;
    this.#counts = new Map();
  }

  /** Counts an act that is about to happen; gives what names its points. */
  begin(act: string): (edge: Edge) => void {
    const nth = isRead(act) && !this.#isEveryRead ? 1 : (this.#counts.get(act) ?? 0) + 1;
    this.#counts.set(act, nth);
    const { phase, step } = this;
    return (edge) => this.#reap({ phase, step, act, nth, edge });
  }

  /** An act with a point before it and one after it. */
  async around<T>(act: string, work: () => Promise<T>): Promise<T> {
    const pass = this.begin(act);
    pass("before");
    const isPost = act === "slack chat.postMessage";
    if (isPost) this.unrecordedPosts += 1;
    try {
      const value = await work();
      if (act === "write posted_message") this.unrecordedPosts = Math.max(0, this.unrecordedPosts - 1);
      pass("after");
      return value;
    } catch (error) {
      if (isPost) this.unrecordedPosts -= 1;
      throw error;
    }
  }
}

/** The database whose writes and commits are points. `changed` runs after each of them, on the database itself. */
export function mortalDatabase(db: Database, m: Mortality, changed: (db: Queryable) => Promise<void>): Database {
  const written = async <T>(act: string, work: () => Promise<T>): Promise<T> => {
    const value = await m.around(act, work);
    await changed(db);
    return value;
  };
  return {
    ...mortalStatements(db, written),
    tx: async (fn) => {
      let writes = 0;
      let pass: ((edge: Edge) => void) | null = null;
      const value = await db.tx(async (q) => {
        const inside = mortalStatements(q, (act, work) => {
          writes += 1;
          return m.around(act, work);
        });
        const result = await fn({ ...inside, raw: q.raw } as Transaction);
        if (writes > 0) pass = m.begin("commit");
        pass?.("before");
        return result;
      });
      (pass as ((edge: Edge) => void) | null)?.("after");
      if (writes > 0) await changed(db);
      return value;
    },
    withAdvisoryLock: (key, options, fn) => db.withAdvisoryLock(key, options, fn),
    close: () => db.close(),
  };
}

function mortalStatements(q: Queryable, written: <T>(act: string, work: () => Promise<T>) => Promise<T>): Queryable {
  const weigh = <T>(sql: string, work: () => Promise<T>): Promise<T> => {
    const table = /^\s*(?:insert\s+into|update|delete\s+from)\s+"?(\w+)/i.exec(sql)?.[1];
    return table === undefined ? work() : written(`write ${table}`, work);
  };
  return {
    many: (row, sql, params) => weigh(sql, () => q.many(row, sql, params)),
    one: (row, sql, params) => weigh(sql, () => q.one(row, sql, params)),
    maybe: (row, sql, params) => weigh(sql, () => q.maybe(row, sql, params)),
    exec: (sql, params) => weigh(sql, () => q.exec(sql, params)),
  };
}

/** The archive whose files are points: a file may be half written when the process dies. */
export function mortalArchive(store: ArchiveStore, m: Mortality): ArchiveStore {
  return {
    ...store,
    append: async (key, offset, bytes) => {
      const pass = m.begin("file append");
      pass("before");
      let isFirst = true;
      const through = new PassThrough();
      bytes.once("error", (error) => through.destroy(error));
      // The second piece comes when the first is on its way to the disk.
      bytes.on("data", () => {
        if (!isFirst) pass("half-way");
        isFirst = false;
      });
      const done = await store.append(key, offset, bytes.pipe(through));
      pass("after");
      return done;
    },
    finish: (key) => m.around("file finish", () => store.finish(key)),
  };
}

/**
 * Makes every call to CloudStack a point, and sends it to `door`, with this process's time, so that the server's clock goes with it.
 *
 * An answer counts as come when its head is there: the effect has happened, and nothing of it is kept yet.
 */
export function mortalCalls(m: Mortality, door: string, now: () => number): (path: string, body: unknown) => Promise<unknown> {
  const send = axios.request.bind(axios);
  const sendOn = (config: AxiosRequestConfig): Promise<AxiosResponse> =>
    send({
      ...config,
      url: door + (config.url ?? "/").replace(/^https?:\/\/[^/]+/, ""),
      headers: { ...config.headers, "x-clock": String(now()) },
    });
  axios.request = (async (config: AxiosRequestConfig) => {
    const command = typeof config.data === "string" ? new URLSearchParams(config.data).get("command") : null;
    return m.around(`call ${command ?? "download"}`, () => sendOn(config));
  }) as typeof axios.request;
  return async (path, body) => {
    const answered = await sendOn({
      method: "POST",
      url: `/slack/${path}`,
      data: JSON.stringify(body),
      responseType: "json",
      proxy: false,
    });
    return answered.data as unknown;
  };
}
