import type { SlackFaults } from "./control-api.ts";

/** What a fault makes of one Web API call. */
export type CallFault =
  | { readonly kind: "fail"; readonly error: string; readonly status: number }
  | { readonly kind: "rateLimit"; readonly retryAfterSeconds: number };

/** The faults that are switched on, with how often each has struck. */
export class FaultBoard {
  #faults: SlackFaults = {};
  readonly #struck = new Map<object, number>();

  /** Replaces all faults. */
  set(faults: SlackFaults): void {
    this.#faults = faults;
    this.#struck.clear();
  }

  /** How long each Web API call waits first. Units: milliseconds. */
  get delayMs(): number {
    return this.#faults.delayMs ?? 0;
  }

  /** How many copies of each interaction go out. */
  get copies(): number {
    return this.#faults.deliver ?? 1;
  }

  /** The fault that strikes this call, if any. */
  strike(method: string): CallFault | null {
    const limit = this.#take(this.#faults.rateLimit ?? [], method);
    if (limit !== null) return { kind: "rateLimit", retryAfterSeconds: limit.retryAfterSeconds };
    const failure = this.#take(this.#faults.fail ?? [], method);
    return failure === null ? null : { kind: "fail", error: failure.error, status: failure.status ?? 200 };
  }

  #take<T extends { readonly method: string; readonly times?: number }>(faults: readonly T[], method: string): T | null {
    for (const fault of faults) {
      if (fault.method !== "*" && fault.method !== method) continue;
      const struck = this.#struck.get(fault) ?? 0;
      if (struck >= (fault.times ?? Number.POSITIVE_INFINITY)) continue;
      this.#struck.set(fault, struck + 1);
      return fault;
    }
    return null;
  }
}
