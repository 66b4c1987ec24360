import type { ModalView } from "@slack/types";
import { plain, safe } from "./blocks.ts";

/** What a modal remembers: which deletion, version and digest it is about, and where its answer belongs. */
export interface ModalMemory {
  readonly id: string;
  readonly version: number;
  readonly digest: string | null;
  readonly name: string;
  readonly channel: string;
}

/** Asks the deciding approver to type the domain's name. */
export function typeNameModal(m: ModalMemory): ModalView {
  return {
    type: "modal",
    callback_id: "deletion_type_name",
    private_metadata: JSON.stringify(m),
    title: { type: "plain_text", text: "The deciding approval" },
    submit: { type: "plain_text", text: "Approve deletion" },
    close: { type: "plain_text", text: "Not now" },
    blocks: [
      {
        type: "section",
        text: {
          type: "mrkdwn",
          verbatim: true,
          text: `Yours is the deciding approval. After the cool-off the domain *${safe(m.name)}* goes into quarantine, and after the grace period it is destroyed.`,
        },
      },
      {
        type: "input",
        block_id: "name",
        label: { type: "plain_text", text: plain(`Type the domain's name: ${m.name}`, 200) },
        element: { type: "plain_text_input", action_id: "name", max_length: 300 },
      },
    ],
  };
}

/** Asks for the reason of a rejection. */
export function reasonModal(m: ModalMemory): ModalView {
  return {
    type: "modal",
    callback_id: "deletion_reason",
    private_metadata: JSON.stringify(m),
    title: { type: "plain_text", text: "Reject the deletion" },
    submit: { type: "plain_text", text: "Reject" },
    close: { type: "plain_text", text: "Not now" },
    blocks: [
      {
        type: "input",
        block_id: "reason",
        label: { type: "plain_text", text: "Why should it not be deleted?" },
        element: { type: "plain_text_input", action_id: "reason", multiline: true, min_length: 5, max_length: 3000 },
      },
    ],
  };
}
