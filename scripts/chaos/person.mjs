// One person at their Slack: what they see, and what they do with it.
import { dist } from "../bench/paths.mjs";

const { person } = await import(dist("emulators/slack/person.js"));
const { cast, demoChannel } = await import(dist("demo/cast.js"));

export { cast, demoChannel };

/** How long a person waits for a window. Units: ms. */
const WINDOW_MS = 4_000;

export const playerOf = (world, member) => person(world.slackUrl, member.slackId);

/** The messages of a conversation, the newest last. */
export function messagesIn(view, channel) {
  return view.conversations.find((c) => c.id === channel)?.messages ?? [];
}

/** All buttons of a message. */
export function buttonsOf(message) {
  return message.blocks.flatMap((b) => (Array.isArray(b.elements) ? b.elements : [])).filter((e) => e.type === "button");
}

/** Every button with this action that somebody sees, with its message's place. */
export function buttonsSeen(view, action) {
  return view.conversations.flatMap((c) =>
    c.messages.flatMap((m) =>
      buttonsOf(m)
        .filter((b) => b.action_id === action)
        .map((b) => ({
          channel: c.id,
          ts: m.ts,
          actionId: action,
          value: b.value,
          deletion: b.value.split(":")[1],
          about: JSON.stringify(m.blocks),
        })),
    ),
  );
}

/** Presses a button. False: Slack did not bring it to anybody, as when every replica is away. */
export async function press(player, { channel, ts, actionId }) {
  const reply = await player.click({ channel, ts, actionId });
  return reply.ok && reply.acked;
}

/** Fills in the window that opens, if one does. `values` gets the window. */
export async function answerWindow(player, values) {
  const window = await player.waitFor("a window", (view) => view.modals[0], WINDOW_MS).catch(() => null);
  if (window === null) return false;
  const reply = await player.submit({ viewId: window.id, values: values(window) });
  // A window whose answer nobody took stays open, and would be in the way of the next one.
  const left = (await player.view()).modals;
  for (const modal of left.toReversed()) await player.close(modal.id);
  return reply.ok && reply.acked && left.length === 0;
}
