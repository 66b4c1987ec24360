import { replyOf, replyOfFailure, shortReply, type Reply } from "../commands/reply.ts";
import { failure } from "../core/failure.ts";
import { teamOnly, type Asker } from "../core/people.ts";
import type { PolicyService } from "../policy/service.ts";
import { problemOfValue } from "../policy/settings.ts";
import { forgedClick, openModal, parseCardClick, parseCardValue, type Answer, type Click, type ClickContext } from "./click.ts";
import { policyReasonModal, settingModal } from "./render/modals.ts";

/** Answers a click on a change's card, or the choice of a setting to change. */
export async function answerPolicyClick(click: Click, by: Asker, c: ClickContext): Promise<Answer> {
  const { policy } = c.services;
  if (click.action === "choose_setting") return openSetting(click, by, c);
  const parsed = await parseCardClick(click, "policy", c);
  if (!parsed.ok) {
    await policy.recordRefusal(by, click.action, parsed.error);
    return replyOfFailure(parsed.error);
  }
  if (click.action === "policy_reject")
    return by.isTeam
      ? openModal(click, policyReasonModal(`${click.value} ${c.channel}`), c)
      : replyOfFailure(teamOnly("reject a change of policy"));
  return replyOf(await policy.approve({ changeId: parsed.value.id, digest: parsed.value.digest, by }), ({ applied }) =>
    applied
      ? shortReply("The change is in force", "/ci-policy shows the policy as it is now.")
      : shortReply("Your approval is recorded", "At least one more is needed."),
  );
}

/** What is wrong with a modal's fields, by block; null when nothing is. It must be in the acknowledgement to be shown at the field. */
export function problemsOfWindow(callbackId: string, remembered: string, typed: (block: string) => string): Record<string, string> | null {
  if (callbackId !== "policy_propose") return null;
  const problem = problemOfValue(remembered.split(" ")[0] ?? "", typed("value"));
  return problem === null ? null : { value: problem.slice(0, 200) };
}

/** Records what was typed into a modal. */
export async function answerPolicyWindow(
  callbackId: string,
  remembered: string,
  typed: (block: string) => string,
  by: Asker,
  policy: PolicyService,
): Promise<Reply | null> {
  const [first = ""] = remembered.split(" ");
  if (callbackId === "policy_propose")
    return replyOf(await policy.propose(by, { setting: first, text: typed("value"), reason: typed("reason") }), (made) =>
      shortReply(`Proposed: ${made.title}`, "Its card is in the team's channel."),
    );
  const value = parseCardValue(first);
  if (value === null) return replyOfFailure(forgedClick());
  return replyOf(await policy.reject({ changeId: value.id, digest: value.digest, by, reason: typed("reason") }), () => null);
}

async function openSetting(click: Click, by: Asker, c: ClickContext): Promise<Answer> {
  if (!by.isTeam) return replyOfFailure(teamOnly("propose a change of policy"));
  const setting = await c.services.policy.settingOf(click.value);
  if (setting === null) return replyOfFailure(failure("invalid", "click.choice", "There is no such choice"));
  return openModal(click, settingModal(setting, `${setting.name} ${click.channel}`), c);
}
