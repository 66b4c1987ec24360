import type { Json, JsonObject } from "./control-api.ts";

/** The three ways in which an app is spoken to; the names are Socket Mode's. */
export type ParcelKind = "events_api" | "interactive" | "slash_commands";

/** One payload on its way to the app. */
export interface Parcel {
  readonly kind: ParcelKind;
  readonly payload: JsonObject;
  readonly retry?: { readonly attempt: number; readonly reason: string };
}

/** What became of a parcel. `body` is what the app said with its acknowledgement. Units: milliseconds. */
export type Receipt =
  | { readonly acked: true; readonly ms: number; readonly body: Json }
  | { readonly acked: false; readonly ms: number; readonly reason: "not_connected" | "timeout" | "http_error" };

/** Brings parcels to the app: over a socket or over signed HTTP. */
export interface Carrier {
  carry(parcel: Parcel): Promise<Receipt>;
}

/** How the app is reached. `copies`: how many of each interaction go out, for the fault that doubles them. */
export interface Ways {
  readonly sockets: Carrier;
  readonly http: (url: string) => Carrier;
  readonly copies: () => number;
}

/** The app as Slack reaches it: by its request URL when it has one, else by its sockets. */
export class AppLink implements Carrier {
  readonly #ways: Ways;
  requestUrl: string | null;

  constructor(ways: Ways, requestUrl: string | null) {
    this.#ways = ways;
    this.requestUrl = requestUrl;
  }

  /** Brings one parcel, or with the fault `deliver` several copies at once; the first copy that is acknowledged counts. */
  async carry(parcel: Parcel): Promise<Receipt> {
    const carrier = this.requestUrl === null ? this.#ways.sockets : this.#ways.http(this.requestUrl);
    const copies = parcel.kind === "events_api" ? 1 : Math.max(1, this.#ways.copies());
    const receipts = await Promise.all(Array.from({ length: copies }, () => carrier.carry(parcel)));
    return receipts.find((receipt) => receipt.acked) ?? receipts[0] ?? { acked: false, ms: 0, reason: "not_connected" };
  }
}
