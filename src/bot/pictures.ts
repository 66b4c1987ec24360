import type { WebClient } from "@slack/web-api";
import type { Picture } from "../commands/reply.ts";
import type { Events } from "../events.ts";
import { callSlack } from "./slack.ts";

/**
 * Sends a picture to one person as a direct message: what is posted in a channel would be seen by all of it, and an answer that only
 * one person sees takes no file. That it could not be sent is recorded; the answer in words goes its own way.
 *
 * Source: facts on Slack §4 "files": three calls behind `files.uploadV2`, scope `files:write`.
 */
export async function sendPicture(client: WebClient, user: string, picture: Picture, events: Events): Promise<void> {
  const opened = await callSlack("conversations.open", () => client.conversations.open({ users: user }));
  const channel = opened.ok ? opened.value.channel?.id : undefined;
  if (!opened.ok) events.failed("slack.picture_not_sent", opened.error);
  if (channel === undefined) return;
  const sent = await callSlack("files.uploadV2", () =>
    client.files.uploadV2({
      channel_id: channel,
      file: Buffer.from(picture.png),
      filename: picture.name,
      title: picture.title,
      alt_text: picture.description.slice(0, 1000),
    }),
  );
  if (!sent.ok) events.failed("slack.picture_not_sent", sent.error);
}
