import type { Asker } from "../core/people.ts";
import type { PolicyService } from "../policy/service.ts";
import { replyOfFailure, type Reply } from "../commands/reply.ts";
import { failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import { problemOfValue } from "../policy/settings.ts";
import { readPostedMessage } from "../store/posted-messages.ts";
import { openModal, type Click, type ClickContext } from "./click.ts";
import { policyButtonValue } from "./render/policy-card.ts";
import { policyReasonModal, settingModal } from "./render/policy-modals.ts";

const valueShape = /^v1:([0-9a-f-]{36}):([0-9a-f]{64})$/;

/** Answers a click on a change's card, or the choice of a setting to change; null when a window or the updated card says it all. */
export async function answerPolicyClick(click: Click, by: Asker, c: ClickContext): Promise<Reply | null> {
  const { policy } = c.services;
  if (click.action === "choose_setting") return openSetting(click, by, c);
  const parsed = await parsePolicyClick(click, c);
  if (!parsed.ok) {
    await policy.recordRefusal(by, click.action, parsed.error);
    return replyOfFailure(parsed.error);
  }
  if (click.action === "policy_reject")
    return by.isTeam
      ? openModal(click, policyReasonModal(`${policyButtonValue(parsed.value)} ${c.channel}`), c)
      : replyOfFailure(failure("refused", "command.team_only", "Only members of the CI team may reject a change of policy"));
  const done = await policy.approve({ changeId: parsed.value.id, digest: parsed.value.digest, by });
  if (!done.ok) return replyOfFailure(done.error);
  return done.value.applied
    ? { title: "The change is in force", parts: [{ kind: "text", text: "/ci-policy shows the policy as it is now." }] }
    : { title: "Your approval is recorded", parts: [{ kind: "text", text: "One more person is needed." }] };
}

/** What is wrong with a window's fields, by block: said beside them before anything is acknowledged. */
export function problemsOfWindow(callbackId: string, remembered: string, typed: (block: string) => string): Record<string, string> | null {
  if (callbackId !== "policy_propose") return null;
  const problem = problemOfValue(remembered.split(" ")[0] ?? "", typed("value"));
  return problem === null ? null : { value: problem.slice(0, 200) };
}

/** Records what was typed into a window. */
export async function answerPolicyWindow(
  callbackId: string,
  remembered: string,
  typed: (block: string) => string,
  by: Asker,
  policy: PolicyService,
): Promise<Reply | null> {
  const [first = ""] = remembered.split(" ");
  if (callbackId === "policy_propose") {
    const made = await policy.propose(by, { setting: first, text: typed("value"), reason: typed("reason") });
    return made.ok
      ? { title: `Proposed: ${made.value.title}`, parts: [{ kind: "text", text: "Its card is in the team's channel." }] }
      : replyOfFailure(made.error);
  }
  const [, changeId = "", digest = ""] = valueShape.exec(first) ?? [];
  const done = await policy.reject({ changeId, digest, by, reason: typed("reason") });
  return done.ok ? null : replyOfFailure(done.error);
}

/** A click must carry a value of ours and come from the very message that we posted for that change. */
async function parsePolicyClick(click: Click, c: ClickContext): Promise<Result<{ readonly id: string; readonly digest: never }, Failure>> {
  const [, id = "", digest = ""] = valueShape.exec(click.value) ?? [];
  if (id === "" || !["policy_approve", "policy_reject"].includes(click.action))
    return err(
      failure("refused", "click.forged", "This button's value is not one of mine; nothing was done", {
        remedy: "Use the newest message.",
      }),
    );
  const message = await readPostedMessage(c.db, `policy:${id}`);
  if (message === null || message.channel !== click.channel || message.ts !== click.ts)
    return err(
      failure("refused", "click.other_message", "This is not the message I keep for this change; nothing was done", {
        remedy: "Use the card in the team's channel.",
      }),
    );
  return ok({ id, digest: digest as never });
}

async function openSetting(click: Click, by: Asker, c: ClickContext): Promise<Reply | null> {
  if (!by.isTeam)
    return replyOfFailure(failure("refused", "command.team_only", "Only members of the CI team may propose a change of policy"));
  const setting = await c.services.policy.settingOf(click.value);
  if (setting === null) return replyOfFailure(failure("invalid", "click.choice", "That choice is not one of mine"));
  return openModal(click, settingModal(setting, `${setting.name} ${click.channel}`), c);
}
