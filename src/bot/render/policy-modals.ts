import type { ModalView } from "@slack/types";
import { plain } from "./blocks.ts";

/** Asks for a setting's new value and why. `remembered` comes back with the answer. */
export function settingModal(s: { readonly title: string; readonly hint: string; readonly value: string }, remembered: string): ModalView {
  const fits = s.value.length <= 2500;
  return {
    type: "modal",
    callback_id: "policy_propose",
    private_metadata: remembered,
    title: { type: "plain_text", text: "Propose a change" },
    submit: { type: "plain_text", text: "Propose" },
    close: { type: "plain_text", text: "Not now" },
    blocks: [
      {
        type: "input",
        block_id: "value",
        label: { type: "plain_text", text: plain(s.title, 200) },
        hint: { type: "plain_text", text: plain(s.hint, 200) },
        element: { type: "plain_text_input", action_id: "value", max_length: 3000, ...(fits ? { initial_value: s.value } : {}) },
      },
      {
        type: "input",
        block_id: "reason",
        label: { type: "plain_text", text: "Why?" },
        element: { type: "plain_text_input", action_id: "reason", multiline: true, min_length: 5, max_length: 500 },
      },
      {
        type: "context",
        elements: [{ type: "plain_text", text: "Nothing changes before two approvers besides you agree.", emoji: false }],
      },
    ],
  };
}

/** Asks for the reason of a rejection. */
export function policyReasonModal(remembered: string): ModalView {
  return {
    type: "modal",
    callback_id: "policy_reason",
    private_metadata: remembered,
    title: { type: "plain_text", text: "Reject the change" },
    submit: { type: "plain_text", text: "Reject" },
    close: { type: "plain_text", text: "Not now" },
    blocks: [
      {
        type: "input",
        block_id: "reason",
        label: { type: "plain_text", text: "Why should the policy not change?" },
        element: { type: "plain_text_input", action_id: "reason", multiline: true, min_length: 5, max_length: 3000 },
      },
    ],
  };
}
