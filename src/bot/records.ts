import type { WebClient } from "@slack/web-api";
import type { Clock } from "../core/clock.ts";
import { fail, type Failure } from "../core/failure.ts";
import { ok, type Result } from "../core/result.ts";
import { isHalfAnAnswer, type SlackUser, type Workspace } from "./accounts.ts";
import { callSlack, isPassing } from "./slack.ts";
import { CACHE_MS, LAST_GOOD_MS } from "./steady.ts";

/** How old an account's record may be where nobody's vote depends on it. Units: milliseconds. */
const RECORD_MS_MAX = 6 * 3600_000;
/** In this time one old record is read again, so a large group takes no more calls than a small one. Units: milliseconds. */
const REFRESH_MS = 60_000;

/** What Slack says of an account; null: it knows no such user, or does not show them. */
type Found = Result<SlackUser | null, Failure>;

/** The accounts that were read, and when they are read again. */
export interface Records {
  /** One account, not older than `CACHE_MS`; while Slack cannot say, the last record, not older than `LAST_GOOD_MS`. */
  readNow(id: string): Promise<Found>;
  /** The accounts of a list: those of `isCounted` as by `readNow`, of the others at most one a minute is read again. */
  readListed(ids: readonly string[], isCounted: (user: SlackUser) => boolean): Promise<readonly (readonly [string, Found])[]>;
}

/** Makes them. `client` is refused at once where Slack was asked too often; `patient` waits, for accounts that were never read. */
export function createRecords(o: {
  readonly client: WebClient;
  readonly patient: WebClient;
  readonly here: Workspace;
  readonly now: Clock;
}): Records {
  const kept = new Map<string, { readonly at: number; readonly user: SlackUser | null }>();
  // After a clock jumped back, what was read before is old.
  const since = (at: number): number => Math.abs(o.now() - at);
  const ageOf = (id: string): number => since(kept.get(id)?.at ?? o.now());
  let refreshedAt = 0;

  async function read(id: string, client: WebClient): Promise<Found> {
    const found = await callSlack(
      "users.info",
      async () => ((await client.users.info({ user: id })).user as SlackUser | undefined) ?? null,
    );
    const isNobody = !found.ok && ["slack.user_not_found", "slack.user_not_visible"].includes(found.error.code);
    if (!found.ok && !isNobody) return found;
    const user = found.ok ? found.value : null;
    const before = kept.get(id)?.user?.enterprise_user?.id;
    // One account has one name: half an answer must not give it a second one.
    if (user !== null && user.enterprise_user?.id === undefined && (before !== undefined || isHalfAnAnswer(user, o.here)))
      return fail("unavailable", "slack.half_an_answer", `Slack did not say this time which account of the organisation ${id} is`, {
        remedy: "Try again in a minute.",
      });
    kept.set(id, { at: o.now(), user });
    return ok(user);
  }
  const readNow: Records["readNow"] = async (id) => {
    const old = kept.get(id);
    if (old !== undefined && ageOf(id) < CACHE_MS) return ok(old.user);
    const found = await read(id, o.client);
    const mayStand = !found.ok && isPassing(found.error.code.replace(/^slack\./, "")) && ageOf(id) < LAST_GOOD_MS;
    return mayStand && old !== undefined ? ok(old.user) : found;
  };
  return {
    readNow,
    async readListed(ids, isCounted) {
      const [oldest] = ids.toSorted((x, y) => ageOf(y) - ageOf(x));
      if (oldest !== undefined && ageOf(oldest) >= CACHE_MS && since(refreshedAt) >= REFRESH_MS) {
        refreshedAt = o.now();
        void read(oldest, o.client);
      }
      return Promise.all(
        ids.map(async (id) => {
          const old = kept.get(id);
          if (old === undefined || ageOf(id) > RECORD_MS_MAX) return [id, await read(id, o.patient)] as const;
          return [id, old.user !== null && isCounted(old.user) ? await readNow(id) : ok(old.user)] as const;
        }),
      );
    },
  };
}
