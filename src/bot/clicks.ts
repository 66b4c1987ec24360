import type { Asker } from "../core/people.ts";
import type { DeletionClick, DeletionView } from "../deletion/view.ts";
import type { DeletionService } from "../deletion/service.ts";
import { startExport } from "../commands/export-template.ts";
import { replyOfFailure, type Reply } from "../commands/reply.ts";
import { failure, type Failure } from "../core/failure.ts";
import { DeletionId, Digest, Slug } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import { readPostedMessage } from "../store/posted-messages.ts";
import { openModal, type Click, type ClickContext } from "./click.ts";
import { answerPolicyClick } from "./policy-clicks.ts";
import { reasonModal, typeNameModal, type ModalMemory } from "./render/modals.ts";

const valueShape = /^v1:([0-9a-f-]{36}):(\d{1,9}):([0-9a-f]{64}|-)$/;
/** A Waive button's value ends with the entry it is for. */
const waiveShape = /^(v1:[^:]+:[^:]+:[^:]+):([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Answers a click of an identified person; null when a modal or the updated card says it all. Every refusal is recorded. */
export async function answerClick(click: Click, by: Asker, c: ClickContext): Promise<Reply | null> {
  if (click.action === "choose_template") return chooseTemplate(click, by, c);
  if (click.action === "choose_setting" || click.action.startsWith("policy_")) return answerPolicyClick(click, by, c);
  // Each Waive button of a card has a number behind its name, since Slack wants no two alike.
  const [, value = "", entryId = ""] = /^deletion_waive_\d+$/.test(click.action) ? (waiveShape.exec(click.value) ?? []) : ["", click.value];
  const parsed = await parseClick({ ...click, value }, by, c);
  if (!parsed.ok) {
    await c.services.deletions.recordRefusal(by.operator.id, click.action, parsed.error.message);
    return replyOfFailure(parsed.error);
  }
  const { deletions } = c.services;
  const d = parsed.value;
  if (entryId !== "") return waive(await deletions.waive({ ...d, entryId }), entryId);
  switch (click.action) {
    case "deletion_approve":
      return approve(click, d, c);
    case "deletion_reject":
      return reject(click, d, c);
    case "deletion_withdraw":
      return outcome(await deletions.withdraw(d));
    case "deletion_cancel":
      return outcome(await deletions.cancel(d));
    case "deletion_restore":
      return outcome(await deletions.restore(d));
    case "deletion_keep":
      return keep(d, by, deletions);
    default: {
      await deletions.recordRefusal(by.operator.id, click.action, "no such button");
      return { title: "This button does nothing any more", parts: [{ kind: "text", text: "Look for a newer message, or ask /ci-help." }] };
    }
  }
}

/** Records the deciding approval after the name was typed. */
export async function approveTyped(m: ModalMemory, typedName: string, by: Asker, deletions: DeletionService): Promise<Reply | null> {
  return outcome(
    await deletions.approve({
      deletionId: DeletionId.parse(m.id),
      version: m.version,
      digest: m.digest === null ? null : Digest.parse(m.digest),
      by,
      typedName,
    }),
  );
}

/** Records a rejection with its reason. */
export async function rejectWithReason(m: ModalMemory, reason: string, by: Asker, deletions: DeletionService): Promise<Reply | null> {
  return outcome(
    await deletions.reject({
      deletionId: DeletionId.parse(m.id),
      version: m.version,
      digest: m.digest === null ? null : Digest.parse(m.digest),
      by,
      reason,
    }),
  );
}

async function approve(click: Click, d: DeletionClick, c: ClickContext): Promise<Reply | null> {
  const may = await c.services.deletions.mayApprove(d);
  if (!may.ok) return replyOfFailure(may.error);
  if (may.value.mustTypeName) return openModal(click, typeNameModal({ ...(await memory(d, c)), name: may.value.name }), c);
  const done = await c.services.deletions.approve({ ...d, typedName: null });
  if (!done.ok) return replyOfFailure(done.error);
  return {
    title: "Your approval is recorded",
    parts: [{ kind: "text", text: "One more person is needed. You can withdraw it until the cool-off ends." }],
  };
}

async function reject(click: Click, d: DeletionClick, c: ClickContext): Promise<Reply | null> {
  if (d.by.isTeam) return openModal(click, reasonModal(await memory(d, c)), c);
  const why = failure("refused", "command.team_only", "Only members of the CI team may reject a deletion");
  await c.services.deletions.recordRefusal(d.by.operator.id, click.action, why.message);
  return replyOfFailure(why);
}

function waive(done: Result<DeletionView, Failure>, entryId: string): Reply {
  if (!done.ok) return replyOfFailure(done.error);
  const line = done.value.archive.find((a) => a.id === entryId);
  const text =
    line?.state === "waived"
      ? `${line.name} is waived by ${line.waivedBy.join(" and ")}: it will be lost with the domain.`
      : `One more approver must waive ${line?.name ?? "it"}; until then it keeps the deletion.`;
  return { title: "Your waiver is recorded", parts: [{ kind: "text", text }] };
}

async function keep(d: DeletionClick, by: Asker, deletions: DeletionService): Promise<Reply | null> {
  const kept = await deletions.keep(d.deletionId, by);
  return kept.ok
    ? {
        title: "The domain is kept",
        parts: [{ kind: "text", text: "The CI team sees that you asked; what was stopped is being given back." }],
      }
    : replyOfFailure(kept.error);
}

/** A click must carry a value of ours and come from the very message that we posted for that deletion. */
async function parseClick(click: Click, by: Asker, c: ClickContext): Promise<Result<DeletionClick, Failure>> {
  const [, id = "", version = "", digest = "-"] = valueShape.exec(click.value) ?? [];
  const deletionId = DeletionId.safeParse(id);
  if (!deletionId.success)
    return err(
      failure("refused", "click.forged", "This button's value is not one of mine; nothing was done", {
        remedy: "Use the newest message.",
      }),
    );
  const key = click.action === "deletion_keep" && by.operator.ciUserId !== null ? `keep:${id}:${by.operator.ciUserId}` : `deletion:${id}`;
  const message = await readPostedMessage(c.db, key);
  if (message === null || message.channel !== click.channel || message.ts !== click.ts) {
    return err(
      failure("refused", "click.other_message", "This is not the message I keep for this deletion; nothing was done", {
        remedy: "Use the card in the team's channel.",
      }),
    );
  }
  return ok({ deletionId: deletionId.data, version: Number(version), digest: digest === "-" ? null : Digest.parse(digest), by });
}

async function memory(d: DeletionClick, c: ClickContext): Promise<ModalMemory> {
  const view = await c.services.deletions.view(d.deletionId);
  return {
    id: d.deletionId,
    version: d.version,
    digest: d.digest,
    name: view.ok ? (view.value.path.split("/").at(-1) ?? "") : "",
    channel: c.channel,
  };
}

async function chooseTemplate(click: Click, by: Asker, c: ClickContext): Promise<Reply> {
  const [slug = "", template = ""] = click.value.split(" ");
  const parsed = Slug.safeParse(slug);
  if (!parsed.success) return replyOfFailure(failure("invalid", "click.choice", "That choice is not one of mine"));
  return startExport(by, parsed.data, template, c.services, { channel: click.channel, user: click.user });
}

function outcome(r: Result<unknown, Failure>): Reply | null {
  return r.ok ? null : replyOfFailure(r.error);
}
