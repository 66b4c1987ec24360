import { replyOf, replyOfFailure, shortReply, type Reply } from "../commands/reply.ts";
import type { Failure } from "../core/failure.ts";
import { DeletionId, Digest } from "../core/ids.ts";
import { memberStages } from "../core/member-stages.ts";
import { teamOnly, type Asker } from "../core/people.ts";
import { err, ok, type Result } from "../core/result.ts";
import { addToTrace } from "../core/trace.ts";
import type { DeletionService } from "../deletion/service.ts";
import type { DeletionClick, DeletionView } from "../deletion/view.ts";
import { memberKey } from "./members-told.ts";
import { assessMessage, forgedClick, openModal, type Answer, type Click, type ClickContext } from "./click.ts";
import { answerAdoptionClick } from "./adoption-clicks.ts";
import { answerExportClick, isExportClick } from "./export-clicks.ts";
import { isNudgeClick, answerNudgeClick } from "./nudge-clicks.ts";
import { answerPolicyClick } from "./policy-clicks.ts";
import { deletionReasonModal, typeNameModal, type ModalMemory } from "./render/modals.ts";

const valueShape = /^v1:([0-9a-f-]{36}):(\d{1,9}):([0-9a-f]{64}|-)$/;
/** The value of a Waive button ends with the entry it is for, that of a Go on button with the question. */
const partShape = /^(v1:[^:]+:[^:]+:[^:]+):([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Answers a click of an identified person. Every refusal is recorded. */
export async function answerClick(click: Click, by: Asker, c: ClickContext): Promise<Answer> {
  if (isExportClick(click.action)) return answerExportClick(click, by, c);
  if (isNudgeClick(click.action)) return answerNudgeClick(click, by, c);
  if (click.action === "choose_setting" || click.action.startsWith("policy_")) return answerPolicyClick(click, by, c);
  if (click.action === "status_keep") return keepFromStatus(click, by, c);
  if (click.action.startsWith("adoption_")) return answerAdoptionClick(click, by, c);

  const { deletions } = c.services;
  // Slack wants no two action ids alike in a card, so each Waive button has a number at the end of its id.
  const [, value = "", partId = ""] = /^deletion_(?:waive_\d+|go_on)$/.test(click.action)
    ? (partShape.exec(click.value) ?? [])
    : ["", click.value];
  const parsed = await parseClick({ ...click, value }, by, c);
  if (!parsed.ok) {
    await deletions.recordRefusal(by.operator.id, click.action, parsed.error.message);
    return replyOfFailure(parsed.error);
  }
  const d = parsed.value;
  if (click.action === "deletion_go_on") return replyOf(await deletions.goOn({ ...d, questionId: partId }), saidGoOn);
  if (partId !== "") return replyOf(await deletions.waive({ ...d, entryId: partId }), (view) => waived(view, partId));

  switch (click.action) {
    case "deletion_approve":
      return approve(click, d, c);
    case "deletion_reject":
      return reject(click, d, c);
    case "deletion_withdraw":
      return refusalOf(await deletions.withdraw(d));
    case "deletion_cancel":
      return refusalOf(await deletions.cancel(d));
    case "deletion_restore":
      return refusalOf(await deletions.restore(d));
    case "deletion_look_again":
      return refusalOf(await deletions.lookAgain(d));
    case "deletion_keep":
      return keep(d.deletionId, by, c);
    default:
      await deletions.recordRefusal(by.operator.id, click.action, "no such button");
      return shortReply("This button no longer does anything", "Look for a newer message, or use /ci-help.");
  }
}

/** Records what was typed into a deletion's modal: the name of the deciding approval, or the reason of a rejection. */
export async function answerWindow(
  callbackId: string,
  memory: ModalMemory,
  typed: (block: string) => string,
  by: Asker,
  deletions: DeletionService,
): Promise<Reply | null> {
  const d = { deletionId: memory.id, version: memory.version, digest: memory.digest, by };
  addToTrace({ deletion: memory.id });
  if (callbackId === "deletion_type_name") return refusalOf(await deletions.approve({ ...d, typedName: typed("name") }));
  return callbackId === "deletion_reason" ? refusalOf(await deletions.reject({ ...d, reason: typed("reason") })) : null;
}

async function approve(click: Click, d: DeletionClick, c: ClickContext): Promise<Answer> {
  const may = await c.services.deletions.mayApprove(d);
  if (!may.ok) return replyOfFailure(may.error);
  if (may.value.mustTypeName) {
    const view = await c.services.deletions.view(d.deletionId);
    const memory = { ...(await memoryOf(d, c)), name: may.value.name };
    return openModal(click, typeNameModal(memory, view.ok ? view.value : null, may.value.waits), c);
  }
  return replyOf(await c.services.deletions.approve({ ...d, typedName: null }), () =>
    shortReply("Your approval is recorded", "At least one more is needed. You can withdraw yours until the cool-off ends."),
  );
}

async function reject(click: Click, d: DeletionClick, c: ClickContext): Promise<Answer> {
  if (d.by.isTeam) return openModal(click, deletionReasonModal(await memoryOf(d, c)), c);
  const refusal = teamOnly("reject a deletion");
  await c.services.deletions.recordRefusal(d.by.operator.id, click.action, refusal.message);
  return replyOfFailure(refusal);
}

function saidGoOn(view: DeletionView): Reply {
  return view.phase === "frozen"
    ? shortReply("Your Go on is recorded", "One more approver must say Go on; until then the deletion stays frozen.")
    : shortReply("The deletion goes on", "Two people said so.");
}

function waived(view: DeletionView, entryId: string): Reply {
  const line = view.archive.find((a) => a.id === entryId);
  return shortReply(
    "Your waiver is recorded",
    line?.state === "waived"
      ? `${line.name} is waived by ${line.waivedBy.join(" and ")}: it will be lost with the domain.`
      : `One more approver must waive ${line?.name ?? "it"}; until then the deletion cannot be approved.`,
  );
}

/** A click must carry a value of ours and come from the very message that we posted for that deletion. */
async function parseClick(click: Click, by: Asker, c: ClickContext): Promise<Result<DeletionClick, Failure>> {
  const [, id = "", version = "", digest = "-"] = valueShape.exec(click.value) ?? [];
  const deletionId = DeletionId.safeParse(id);
  if (!deletionId.success) return err(forgedClick());
  addToTrace({ deletion: id });

  const refusal = await assessPlace(click, id, by, c);
  if (refusal !== null) return err(refusal);
  return ok({ deletionId: deletionId.data, version: Number(version), digest: digest === "-" ? null : Digest.parse(digest), by });
}

/** A member has a message of each stage, and may press Keep in any of them: who it is for and what it is about is the same. */
async function assessPlace(click: Click, id: string, by: Asker, c: ClickContext): Promise<Failure | null> {
  if (click.action !== "deletion_keep") return assessMessage(click, `deletion:${id}`, "deletion", c.db);
  const member = by.operator.ciUserId;
  const keys = member === null ? [`deletion:${id}`] : memberStages.map((stage) => memberKey(id, stage, member));
  const refusals = await Promise.all(keys.map((key) => assessMessage(click, key, "deletion", c.db)));
  const [refusal] = refusals;
  if (refusals.includes(null) || refusal == null) return null;
  // Members have no card, and an old message of theirs was perhaps forgotten.
  return { ...refusal, remedy: "/ci-status shows how it stands, and has a Keep button while it can be kept." };
}

async function memoryOf({ deletionId: id, version, digest }: DeletionClick, c: ClickContext): Promise<ModalMemory> {
  const view = await c.services.deletions.view(id);
  return { id, version, digest, name: view.ok ? (view.value.path.split("/").at(-1) ?? "") : "", channel: c.channel };
}

async function keep(id: DeletionId, by: Asker, { services }: ClickContext): Promise<Reply> {
  return replyOf(await services.deletions.keep(id, by), () =>
    shortReply("The domain is kept", "The CI team sees that you asked; what was stopped is started again."),
  );
}

/**
 * Keep in the answer of `/ci-status`, which is no message that is known again: it loses nothing, and `keep` asks the CI database at that
 * moment whether who clicked is a member, and the deletion whether it can still be kept.
 */
async function keepFromStatus(click: Click, by: Asker, c: ClickContext): Promise<Reply> {
  const id = DeletionId.safeParse(click.value);
  if (id.success) {
    addToTrace({ deletion: id.data });
    return keep(id.data, by, c);
  }
  const refusal = forgedClick();
  await c.services.deletions.recordRefusal(by.operator.id, click.action, refusal.message);
  return replyOfFailure(refusal);
}

/** Null when it was done: the card shows it. */
function refusalOf(done: Result<unknown, Failure>): Reply | null {
  return replyOf(done, () => null);
}
