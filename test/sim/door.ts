import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { PassThrough } from "node:stream";
import axios, { AxiosError, type AxiosRequestConfig } from "axios";
import { NOWHERE } from "../../emulators/cloudstack/nowhere.ts";

/** Something that answers HTTP requests in this process. */
export type Serve = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** What stands between the bot and the server: told of each call before and after it; what it throws is lost bytes. */
export interface DoorKeeper {
  before(params: URLSearchParams): Promise<void>;
  after(params: URLSearchParams, status: number): Promise<void>;
}

const nobody: DoorKeeper = { before: async () => undefined, after: async () => undefined };

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: AsyncIterable<Uint8Array>;
}

const viaNetwork = axios.request;

/**
 * Answers all that axios sends in this process to an emulator which does not listen by `serve`, without a socket: the bytes are those of the
 * wire. A door that is opened later takes this one's place.
 *
 * Errors: a call that the keeper refuses, or whose connection the server destroys, fails as a cut connection does.
 */
export function openDoor(serve: Serve, keeper: DoorKeeper = nobody): void {
  const request = async (config: AxiosRequestConfig): Promise<Answered> => {
    if (config.url?.startsWith(`${NOWHERE}/`) !== true) return viaNetwork.call(axios, config) as unknown as Promise<Answered>;
    const params = new URLSearchParams(typeof config.data === "string" ? config.data : "");
    await keeper.before(params);
    const answered = await exchange(serve, config);
    await keeper.after(params, answered.status);
    return answered;
  };
  axios.request = request as typeof axios.request;
}

function exchange(serve: Serve, config: AxiosRequestConfig): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const url = (config.url ?? "/").replace(/^https?:\/\/[^/]+/, "");
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(config.headers ?? {})) headers[name.toLowerCase()] = String(value);
    const body = typeof config.data === "string" && config.data !== "" ? [Buffer.from(config.data, "utf8")] : [];
    const request = {
      method: (config.method ?? "get").toUpperCase(),
      url,
      headers,
      socket: { destroy: () => reject(cut()) },
      [Symbol.iterator]: () => body[Symbol.iterator](),
    };
    const response = url.startsWith("/userdata/") ? new Bytes(resolve) : new Text(resolve);
    // Who gave up waiting hears nothing more; the server goes on with what it was asked.
    config.signal?.addEventListener?.("abort", () => reject(cut()));
    void serve(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  });
}

function cut(): AxiosError {
  return new AxiosError("connection cut", "ECONNRESET");
}

/** A response of the API, as much of it as the emulator uses: it comes in one piece, or in half of one. */
class Text {
  headersSent = false;
  #head: Pick<Answered, "status" | "headers"> = { status: 0, headers: {} };
  readonly #resolve: (answered: Answered) => void;
  #half: Buffer | null = null;
  constructor(resolve: (answered: Answered) => void) {
    this.#resolve = resolve;
  }
  writeHead(status: number, headers: OutgoingHttpHeaders = {}): this {
    this.headersSent = true;
    this.#head = { status, headers: plainHeaders(headers) };
    return this;
  }
  write(half: Buffer, done: () => void): void {
    this.#half = half;
    done();
  }
  end(body?: Buffer | string): void {
    this.#answer(body === undefined ? null : Buffer.from(body), false);
  }
  destroy(): void {
    this.#answer(this.#half, true);
  }
  #answer(bytes: Buffer | null, isCut: boolean): void {
    this.#resolve({ ...this.#head, data: piece(bytes, isCut) });
  }
}

/** One piece of bytes, or none; then the end, or a cut. */
function piece(bytes: Buffer | null, isCut: boolean): AsyncIterable<Uint8Array> {
  let left = bytes;
  const next = async (): Promise<IteratorResult<Uint8Array>> => {
    const value = left;
    left = null;
    if (value !== null) return { done: false, value };
    if (isCut) throw cut();
    return { done: true, value: undefined };
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

/** A download, as a stream: its reader may go away in the middle, and so may the server. */
class Bytes extends PassThrough {
  headersSent = false;
  readonly #resolve: (answered: Answered) => void;
  constructor(resolve: (answered: Answered) => void) {
    super({ highWaterMark: 1 << 20 });
    this.#resolve = resolve;
    // A reader that is gone, or a server that breaks off, is told by the stream's own end.
    this.on("error", () => undefined);
  }
  writeHead(status: number, headers: OutgoingHttpHeaders = {}): this {
    this.headersSent = true;
    this.#resolve({ status, headers: plainHeaders(headers), data: this });
    return this;
  }
  override destroy(error?: Error): this {
    return super.destroy(error ?? (this.writableFinished ? undefined : cut()));
  }
}

function plainHeaders(headers: OutgoingHttpHeaders): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) plain[name.toLowerCase()] = String(value);
  return plain;
}
