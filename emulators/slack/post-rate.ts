/** Messages that a channel takes at once before the rate holds. */
const BURST = 5;

/** One message per channel and interval, with a small burst, as Slack allows it. `intervalMs` 0 switches it off. */
export class PostRate {
  readonly #now: () => number;
  readonly #intervalMs: number;
  readonly #buckets = new Map<string, { left: number; at: number }>();

  constructor(now: () => number, intervalMs: number) {
    this.#now = now;
    this.#intervalMs = intervalMs;
  }

  /** Takes one message's room in a channel: 0, or how many seconds to wait. */
  take(channel: string): number {
    if (this.#intervalMs <= 0) return 0;
    const now = this.#now();
    const bucket = this.#buckets.get(channel) ?? { left: BURST, at: now };
    bucket.left = Math.min(BURST, bucket.left + (now - bucket.at) / this.#intervalMs);
    bucket.at = now;
    this.#buckets.set(channel, bucket);
    if (bucket.left < 1) return Math.max(1, Math.ceil(((1 - bucket.left) * this.#intervalMs) / 1000));
    bucket.left -= 1;
    return 0;
  }
}
