/** One request that came in. Status 0: the connection was destroyed without an answer. */
export interface LoggedRequest {
  readonly at: number;
  readonly command: string;
  readonly params: Readonly<Record<string, string>>;
  readonly status: number;
}

const KEPT = 20_000;
const SECRET = new Set(["apikey", "signature", "password", "currentpassword", "usersecretkey", "secretkey", "url"]);

/** The latest requests, without keys, signatures, passwords and links. */
export class RequestLog {
  /** As they came in: what is secret is left out when they are shown, since most never are. */
  #rows: LoggedRequest[] = [];

  /** Notes a request. */
  add(at: number, command: string, params: Readonly<Record<string, string>>, status: number): void {
    this.#rows.push({ at, command, params, status });
    if (this.#rows.length > KEPT * 1.5) this.#rows = this.#rows.slice(-KEPT);
  }

  /** The requests, oldest first. */
  list(): readonly LoggedRequest[] {
    return this.#rows.slice(-KEPT).map((row) => ({ ...row, params: shown(row.params) }));
  }
}

function shown(params: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(params).filter(([name]) => !SECRET.has(name.toLowerCase()) && name.toLowerCase() !== "command"));
}
