import type { WebClient } from "@slack/web-api";
import { digestOf } from "../../core/digest.ts";
import { CiUserId, OperatorId, type Instant } from "../../core/ids.ts";
import type { Asker } from "../../core/people.ts";
import type { Failure } from "../../core/failure.ts";
import { ok, type Result } from "../../core/result.ts";
import type { Events } from "../../events.ts";
import {
  forgetHomeViewer,
  readHomesDue,
  readHomeStamp,
  recordHomeTrouble,
  recordHomeShown,
  recordHomeViewer,
  type HomeViewer,
} from "../../store/home.ts";
import type { Identity } from "../identity.ts";
import { homeTrouble, homeView } from "../render/home.ts";
import { callSlack, isPassing } from "../slack.ts";
import { readHomeFacts, readSharedFacts, type HomeSources, type SharedFacts } from "./facts.ts";

/** What keeps Home up to date. */
export interface HomeTab {
  /** Shows Home to somebody who opened it, or turned to a page. Ends once it is read; what it gives sends it. */
  open(user: string, asker: Asker, page: number): Promise<() => Promise<void>>;
  /** Says on somebody's Home why nothing is shown there. Sends it; a failure is logged. */
  explain(user: string, why: Failure): Promise<void>;
  /** Shows it again to those who opened it once and whose Home would be another now: a few at a time. Called regularly. */
  refresh(): Promise<void>;
}

/** What it needs. The client is one of its own: "too many requests" for a Home holds up nothing else. */
export interface HomeTabOptions extends HomeSources {
  readonly client: WebClient;
  readonly identity: Pick<Identity, "identify" | "isOfTeam">;
  readonly events: Events;
}

/** Most Homes shown by one refresh: Slack takes about a hundred a minute, and a refresh comes every five seconds. */
const SHOWN_MAX = 6;
/** Most Homes that one refresh makes, to see whether they are others now. */
const MADE_MAX = 40;
/** One person's Home is shown again so long after the last time at the earliest: what happens in between comes together. Units: ms. */
const PAUSE_MS = 5000;

/** Keeps Home up to date; whoever opened it once is stored, so any process can refresh it. */
export function createHomeTab(o: HomeTabOptions): HomeTab {
  return {
    async open(user, asker, page) {
      await recordHomeViewer(o.db, { ...viewerOf(user, asker), page }, o.now());
      const stamp = await readHomeStamp(o.db);
      const made = await make(asker, page, asker.isTeam ? await readSharedFacts(o) : null, o);
      return async () => {
        const shown = await publish(user, made, stamp, o);
        if (!shown.ok) o.events.failed("slack.home", shown.error);
      };
    },
    async explain(user, why) {
      const shown = await callSlack("views.publish", () => o.client.views.publish({ user_id: user, view: homeTrouble(why) }));
      if (!shown.ok) return o.events.failed("slack.home", shown.error);
      await (why.kind === "refused" ? forgetHomeViewer(o.db, user) : recordHomeTrouble(o.db, user));
    },
    refresh: () => refresh(o),
  };
}

async function refresh(o: HomeTabOptions): Promise<void> {
  const stamp = await readHomeStamp(o.db);
  const due = await readHomesDue(o.db, stamp, o.now() - PAUSE_MS, MADE_MAX);
  let shared: SharedFacts | null = null;
  let shown = 0;
  const since = o.now();
  for (const viewer of due) {
    if (shown === SHOWN_MAX) return;
    const asker = await askerOf(viewer, since, o);
    if (!asker.ok) {
      // Somebody who may no longer use it is shown nothing new; they are asked about again when they open it.
      if (asker.error.kind === "refused") await recordHomeShown(o.db, viewer.slackUser, { stamp, digest: null, at: o.now() });
      continue;
    }
    if (asker.value.isTeam) shared ??= await readSharedFacts(o);
    const made = await make(asker.value, viewer.page, asker.value.isTeam ? shared : null, o);
    if (made.digest === viewer.digest) {
      await recordHomeShown(o.db, viewer.slackUser, { stamp, digest: null, at: o.now() });
      continue;
    }
    shown += 1;
    const sent = await publish(viewer.slackUser, made, stamp, o);
    if (sent.ok) continue;
    o.events.failed("slack.home", sent.error);
    // What passes is tried again by the next refresh.
    if (isPassing(sent.error.code.replace(/^slack\./, ""))) return;
    await recordHomeShown(o.db, viewer.slackUser, { stamp, digest: null, at: o.now() });
  }
}

function viewerOf(slackUser: string, { operator, account, isTeam }: Asker): Omit<HomeViewer, "digest" | "page"> {
  const { id, name, ciUserId } = operator;
  return { slackUser, operator: id, name, account: account ?? null, ciUser: ciUserId, isTeam };
}

/** Who they are by now: the lists say whether somebody is still of the team; whoever they do not name is looked up again. */
async function askerOf(v: HomeViewer, since: Instant, o: HomeTabOptions): Promise<Result<Asker, Failure>> {
  if (v.isTeam && !(await o.identity.isOfTeam(v.slackUser))) return o.identity.identify(v.slackUser);
  const ciUserId = v.ciUser === null ? null : CiUserId.parse(v.ciUser);
  const operator = { id: OperatorId.parse(v.operator), name: v.name, ciUserId };
  return ok({ operator, isTeam: v.isTeam, since, ...(v.account === null ? {} : { account: v.account }) });
}

interface Made {
  readonly view: ReturnType<typeof homeView>;
  readonly digest: string;
}

async function make(asker: Asker, page: number, shared: SharedFacts | null, o: HomeTabOptions): Promise<Made> {
  const view = homeView(await readHomeFacts(asker, page, shared, o));
  return { view, digest: digestOf(JSON.parse(JSON.stringify(view))) };
}

async function publish(user: string, { view, digest }: Made, stamp: string, o: HomeTabOptions): Promise<Result<null, Failure>> {
  const sent = await callSlack("views.publish", () => o.client.views.publish({ user_id: user, view }));
  if (!sent.ok) return sent;
  await recordHomeShown(o.db, user, { stamp, digest, at: o.now() });
  return ok(null);
}
