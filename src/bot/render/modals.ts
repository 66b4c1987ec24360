import type { KnownBlock, ModalView, PlainTextInput } from "@slack/types";
import { z } from "zod";
import { DeletionId, Digest } from "../../core/ids.ts";
import { APPROVALS_MIN, reasonLength } from "../../core/votes.ts";
import type { Reply } from "../../commands/reply.ts";
import { renderReply } from "./reply.ts";
import { counted } from "../../core/plural.ts";
import type { ItemKind } from "../../core/inventory.ts";
import { sizeText } from "../../core/units.ts";
import type { MayApprove } from "../../deletion/service.ts";
import type { DeletionView } from "../../deletion/view.ts";
import { durationText } from "../../policy/units.ts";
import { code, joined, mrkdwn, type Mrkdwn, plain, safe, section } from "./blocks.ts";
import { archiveLine, textOf } from "./card-contents.ts";

/** Most names of one kind in a window. */
const NAMED_MAX = 10;

const Memory = z.object({ id: DeletionId, version: z.number().int(), digest: Digest.nullable(), name: z.string(), channel: z.string() });
/** What a deletion's modal remembers: which deletion, version and digest it is about, and where its answer belongs. */
export type ModalMemory = z.infer<typeof Memory>;

/** Reads what a modal remembered; null when it is not ours. */
export function readMemory(text: string): ModalMemory | null {
  try {
    return Memory.parse(JSON.parse(text));
  } catch {
    return null; // Whatever is wrong with it, Twokey did not write it.
  }
}

/** Asks the deciding approver to type the domain's name, and says what is destroyed and how long each wait before it is. */
export function typeNameModal(m: ModalMemory, v: DeletionView | null, waits: MayApprove["waits"]): ModalView {
  const [coolOff, grace] = [durationText(waits.coolOffMs), durationText(waits.graceMs)];
  return modal("deletion_type_name", JSON.stringify(m), "The deciding approval", "Approve deletion", [
    section(mrkdwn`Yours is the deciding approval for the domain ${code(v?.path ?? m.name)}.`),
    ...(v === null
      ? []
      : [section(mrkdwn`*What is destroyed:* ${destroyed(v)}`), ...(v.archive.length === 0 ? [] : [section(archiveLine(v))])]),
    section(
      mrkdwn`*When:* for ${safe(coolOff)} nothing is changed, and *Cancel* ends it. Then the accounts are disabled and the machines stopped, and for ${safe(grace)} *Restore* brings everything back. After that it is destroyed.`,
    ),
    input("name", `Type the domain's name: ${m.name}`, { max_length: 300 }),
  ]);
}

/** What goes, in one sentence. */
function destroyed({ blast: b }: DeletionView): Mrkdwn {
  if (b === null) return mrkdwn`not known yet`;
  const n = (kind: ItemKind) => b.counts[kind] ?? 0;
  const named = (of: readonly string[]): Mrkdwn | "" =>
    of.length === 0
      ? ""
      : mrkdwn` (${textOf(of.slice(0, NAMED_MAX), 60)}${of.length > NAMED_MAX ? mrkdwn` and ${of.length - NAMED_MAX} more` : ""})`;
  return joined(
    [
      mrkdwn`${safe(counted(n("machine"), "machine"))}${named(b.machineNames)}`,
      mrkdwn`${safe(counted(n("volume"), "disk"))} of ${safe(sizeText(b.volumeBytes))}`,
      mrkdwn`${safe(counted(n("template"), "template"))}${named(b.templateNames)}`,
      mrkdwn`${safe(counted(n("account"), "account"))} with ${safe(counted(n("user"), "user"))}`,
    ],
    ", ",
  );
}

/** Asks for the reason of a rejection. */
export function deletionReasonModal(m: ModalMemory): ModalView {
  const label = "Why should it not be deleted?";
  return modal("deletion_reason", JSON.stringify(m), "Reject the deletion", "Reject", [
    section(mrkdwn`Nothing is deleted then. As long as the project stays closed in the CI database, people are asked again a day later.`),
    reason(label, reasonLength.rejection),
  ]);
}

/** Asks for a setting's new value and why. `remembered` comes back with the answer. */
export function settingModal(s: { readonly title: string; readonly hint: string; readonly value: string }, remembered: string): ModalView {
  const initial = s.value.length <= 2500 ? { initial_value: s.value } : {};
  return modal("policy_propose", remembered, "Propose a change", "Propose", [
    { ...input("value", s.title, { max_length: 3000, ...initial }), hint: { type: "plain_text", text: plain(s.hint, 200) } },
    reason("Why?", reasonLength.change),
    {
      type: "context",
      elements: [
        { type: "plain_text", text: `It takes effect once enough approvers besides you agree: at least ${APPROVALS_MIN}.`, emoji: false },
      ],
    },
  ]);
}

/** Asks for the reason of a rejection. */
export function policyReasonModal(remembered: string): ModalView {
  return modal("policy_reason", remembered, "Reject the change", "Reject", [
    reason("Why should the policy not change?", reasonLength.rejection),
  ]);
}

/** Asks for the reason of a rejection. */
export function adoptionReasonModal(remembered: string): ModalView {
  return modal("adoption_reason", remembered, "Reject the table", "Reject", [reason("Why should it not be done?", reasonLength.rejection)]);
}

/** A window that says that its answer is on the way. */
export function waitingModal(): ModalView {
  return shown([section(mrkdwn`Looking it up…`)]);
}

/** A window with a command's answer. */
export function answerModal(reply: Reply): ModalView {
  return shown([...renderReply(reply).blocks]);
}

function shown(blocks: KnownBlock[]): ModalView {
  return { type: "modal", title: { type: "plain_text", text: "Twokey" }, close: { type: "plain_text", text: "Close" }, blocks };
}

function modal(callbackId: string, remembered: string, title: string, submit: string, blocks: KnownBlock[]): ModalView {
  return {
    type: "modal",
    callback_id: callbackId,
    private_metadata: remembered,
    title: { type: "plain_text", text: title },
    submit: { type: "plain_text", text: submit },
    close: { type: "plain_text", text: "Not now" },
    blocks,
  };
}

function input(name: string, label: string, more: Partial<PlainTextInput>) {
  const element = { type: "plain_text_input" as const, action_id: name, ...more };
  return { type: "input" as const, block_id: name, label: { type: "plain_text" as const, text: plain(label, 200) }, element };
}

function reason(label: string, { min, max }: { readonly min: number; readonly max: number }): KnownBlock {
  return input("reason", label, { multiline: true, min_length: min, max_length: max });
}
