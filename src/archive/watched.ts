import { pipeline, Transform, type Readable } from "node:stream";
import type { Clock } from "../core/clock.ts";

/** How long bytes flow until it is asked again whether they may. Units: milliseconds. */
const ASKED_EVERY_MS = 5_000;
/** How much waits between the archive and the network. Units: bytes. */
const WAITS_MAX = 65_536;

/**
 * Passes bytes on as long as they may be, and asks every few seconds: another replica may have revoked the link. While it is asked, nothing
 * flows; where it cannot be answered, the download goes on, and it is asked again with the next bytes.
 */
export function watched(body: Readable, mayGoOn: () => Promise<boolean>, now: Clock): Readable {
  let askedAt = now();
  const watch = new Transform({
    readableHighWaterMark: WAITS_MAX,
    writableHighWaterMark: WAITS_MAX,
    transform(chunk, _encoding, done) {
      if (Math.abs(now() - askedAt) < ASKED_EVERY_MS) return done(null, chunk);
      const since = now();
      mayGoOn().then(
        (may) => {
          askedAt = since;
          if (may) done(null, chunk);
          else watch.destroy();
        },
        () => done(null, chunk),
      );
    },
  });
  // Whichever ends first ends the other; who reads sees why.
  pipeline(body, watch, () => undefined);
  return watch;
}
