import type { App } from "@slack/bolt";
import { suggest } from "../../commands/export-template.ts";
import type { Services } from "../../commands/services.ts";
import { inTime } from "../../core/in-time.ts";
import type { Events } from "../../events.ts";
import { exportKindOf } from "../export-clicks.ts";
import type { Identity } from "../identity.ts";
import { menuOptions } from "../render/reply.ts";
import type { Turns } from "../turns.ts";

/** What offering options needs. */
interface TypingContext {
  readonly identity: Pick<Identity, "identify">;
  readonly services: Pick<Services, "exports">;
  readonly events: Events;
}

type Options = ReturnType<typeof menuOptions>;

/** Slack waits three seconds for options; the way there takes its part. Units: milliseconds. */
const ANSWER_MS = 2500;
/** Slack has no other place for a sentence while somebody types. Nothing is started by it. */
const sentence = (text: string): Options => menuOptions([{ value: "- -", label: text }]);
const LATE = sentence("CloudStack is still being asked: type one more letter");

/** Offers options to people who type into a menu. Source: docs.slack.dev, "External data source select": 100 options, within 3 s. */
export function listenToTyping(app: App, c: TypingContext, turns: Turns): void {
  app.options(/.*/, async ({ ack, body }) => {
    const { action_id: action = "", value: typed = "", user } = body as { action_id?: string; value?: string; user?: { id?: string } };
    const offered = offer(action, String(typed).slice(0, 200), user?.id ?? "", c, turns);
    const came = await inTime(
      offered.catch((thrown: unknown) => {
        c.events.bug("slack.options", thrown);
        return sentence("The list cannot be read now: try again");
      }),
      ANSWER_MS,
    );
    await ack({ options: came?.came ?? LATE });
  });
}

/** What one person may choose. Only their own things are in it, whatever the payload says. */
async function offer(action: string, typed: string, user: string, c: TypingContext, turns: Turns): Promise<Options> {
  const kind = exportKindOf(action);
  if (kind === null) return [];
  let options = LATE;
  const work = async (): Promise<void> => {
    const asker = await c.identity.identify(user);
    const found = asker.ok ? await suggest(asker.value, kind, typed, c.services) : asker;
    options = found.ok ? menuOptions(found.value) : sentence(found.error.message);
  };
  return (await turns.take(user, work)) ? options : sentence("Too much is being asked just now: type one more letter");
}
