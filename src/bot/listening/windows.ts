import type { App } from "@slack/bolt";
import { replyOfFailure, type Reply } from "../../commands/reply.ts";
import { failure } from "../../core/failure.ts";
import { answerAdoptionWindow } from "../adoption-clicks.ts";
import { answerWindow } from "../clicks.ts";
import { textAt } from "../payload.ts";
import { answerPolicyWindow, problemsOfWindow } from "../policy-clicks.ts";
import { readMemory } from "../render/modals.ts";
import { strangerOf, type Listening } from "./context.ts";
import { onceOf, take, type Who } from "./doing.ts";
import { acknowledge } from "./say.ts";

/** Windows that somebody filled in. */
export function listenToWindows(app: App, c: Listening): void {
  app.view(/.*/, async ({ ack, body, view }) => {
    const [callbackId, remembered, user] = [textAt(view, "callback_id"), textAt(view, "private_metadata"), textAt(body, "user", "id")];
    const memory = readMemory(remembered);
    const typed = (block: string): string => textAt(view, "state", "values", block, block, "value");
    const [isPolicy, isAdoption] = [callbackId.startsWith("policy_"), callbackId.startsWith("adoption_")];

    // The only checks before the acknowledgement: they must be in it to be shown at the field.
    const isOtherName = callbackId === "deletion_type_name" && memory !== null && typed("name").trim() !== memory.name;
    const problems = isOtherName
      ? { name: `That is not the name. Type exactly: ${memory.name}`.slice(0, 200) }
      : isPolicy
        ? problemsOfWindow(callbackId, remembered, typed)
        : null;
    if (problems !== null) return acknowledge(ack({ response_action: "errors", errors: problems }), c);
    acknowledge(ack(), c);

    const channel = (isPolicy || isAdoption ? remembered.split(" ")[1] : memory?.channel) ?? c.channel;
    const run = async (who: Who): Promise<Reply | null> => {
      const { deletions, policy, adoption } = c.services;
      const asker = await who();
      if (isPolicy && asker.ok) return answerPolicyWindow(callbackId, remembered, typed, asker.value, policy);
      if (isAdoption && asker.ok) return answerAdoptionWindow(remembered, typed, asker.value, adoption);
      if (asker.ok && memory !== null) return answerWindow(callbackId, memory, typed, asker.value, deletions);
      const why = asker.ok ? failure("refused", "view.forged", "This window was not opened by Twokey; nothing was done") : asker.error;
      await deletions.recordRefusal(asker.ok ? asker.value.operator.id : strangerOf(user), callbackId, why.message);
      return replyOfFailure(why);
    };
    const lane = isAdoption || callbackId === "deletion_type_name" ? "approvals" : "decisions";
    const once = onceOf("view", textAt(view, "id"));
    await take({ what: "view", about: callbackId, place: { channel, user }, once, lane, run }, c);
  });
}
