import type { WebClient } from "@slack/web-api";
import type { Picture } from "../commands/reply.ts";
import type { Events } from "../events.ts";
import { callSlack, openDirect } from "./slack.ts";

/**
 * Sends a picture to one person as a direct message: a channel would show it to everybody, and an ephemeral answer takes no file. A
 * picture that could not be sent is logged; the answer in words is sent all the same.
 *
 * Source: facts on Slack §4 "files": three calls behind `files.uploadV2`, scope `files:write`.
 */
export async function sendPicture(client: WebClient, user: string, picture: Picture, events: Events): Promise<void> {
  const direct = await openDirect(client, user);
  if (!direct.ok) return events.failed("slack.picture_not_sent", direct.error);
  const { value: channel } = direct;
  if (channel === undefined) return;
  const file = {
    file: Buffer.from(picture.png),
    filename: picture.name,
    title: picture.title,
    alt_text: picture.description.slice(0, 1000),
  };
  const sent = await callSlack("files.uploadV2", () => client.files.uploadV2({ channel_id: channel, ...file }));
  if (!sent.ok) events.failed("slack.picture_not_sent", sent.error);
}
