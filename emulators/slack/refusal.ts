import type { JsonObject } from "./control-api.ts";

/** Slack says no: thrown inside a Web API method or an act, answered as `{ ok: false, error, ...extra }`. */
export class SlackRefusal extends Error {
  readonly code: string;
  readonly extra: JsonObject;
  constructor(code: string, extra: JsonObject = {}) {
    super(code);
    this.name = "SlackRefusal";
    this.code = code;
    this.extra = extra;
  }
}

/** Refuses with one of Slack's error codes. */
export function refuse(code: string, extra: JsonObject = {}): never {
  throw new SlackRefusal(code, extra);
}

/** Refuses with messages, as Slack does for arguments, blocks and views. `extra` adds further fields. */
export function refuseWith(code: string, messages: readonly string[], extra: JsonObject = {}): never {
  throw new SlackRefusal(code, { ...extra, response_metadata: { messages } });
}
