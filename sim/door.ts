import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { PassThrough, Readable } from "node:stream";
import axios, { AxiosError, AxiosHeaders, type AxiosResponse, type InternalAxiosRequestConfig } from "axios";

/** Something that answers HTTP requests in this process. */
export type Serve = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** What stands between the bot and the server: told of each call before it is sent and after it was answered; what it throws is lost bytes. */
export interface DoorKeeper {
  before(params: URLSearchParams): Promise<void>;
  after(params: URLSearchParams, status: number): Promise<void>;
}

/**
 * Sends everything that axios sends in this process to `serve`, without a socket: the bytes are those of the wire.
 *
 * Errors: a call that the keeper refuses, or whose connection the server destroys, fails as a cut connection does.
 */
export function openDoor(serve: Serve, keeper: DoorKeeper): void {
  axios.defaults.adapter = async (config) => {
    const params = new URLSearchParams(typeof config.data === "string" ? config.data : "");
    await keeper.before(params);
    const answered = await exchange(serve, config);
    await keeper.after(params, answered.status);
    return answered;
  };
}

function exchange(serve: Serve, config: InternalAxiosRequestConfig): Promise<AxiosResponse<Readable>> {
  return new Promise((resolve, reject) => {
    const lost = (): void => reject(new AxiosError("connection cut", "ECONNRESET", config));
    const url = new URL(config.url ?? "/", "http://127.0.0.1");
    const body = typeof config.data === "string" ? config.data : "";
    const headers = Object.fromEntries(
      Object.entries(AxiosHeaders.from(config.headers).toJSON()).map(([k, v]) => [k.toLowerCase(), String(v)]),
    );
    const request = Object.assign(Readable.from(body === "" ? [] : [Buffer.from(body, "utf8")]), {
      method: (config.method ?? "get").toUpperCase(),
      url: url.pathname + url.search,
      headers,
      socket: { destroy: lost },
    });
    const response = new Answer((status, given) => {
      resolve({ status, statusText: "", headers: AxiosHeaders.from(given), data: response, config });
    });
    void serve(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  });
}

/** As much of a server's response as the emulator uses. */
class Answer extends PassThrough {
  headersSent = false;
  readonly #begin: (status: number, headers: Record<string, string>) => void;
  constructor(begin: (status: number, headers: Record<string, string>) => void) {
    super({ highWaterMark: 1 << 20 });
    this.#begin = begin;
    // A reader that is gone, or a server that breaks off, is told by the stream's own end.
    this.on("error", () => undefined);
  }
  writeHead(status: number, headers: OutgoingHttpHeaders = {}): this {
    this.headersSent = true;
    this.#begin(status, Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, String(v)])));
    return this;
  }
  override destroy(error?: Error): this {
    return super.destroy(error ?? (this.writableFinished ? undefined : new AxiosError("aborted", "ECONNRESET")));
  }
}
