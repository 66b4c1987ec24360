// The emulators of a benchmark, in a process of their own. Sends the variables of the bot, then answers questions.
import { addManagedRoot, keysOf, keyVariables } from "../../dist/demo/keys.js";
import { slackSeed } from "../../dist/demo/cast.js";
import { startCloudStackEmulator } from "../../dist/emulators/cloudstack/server.js";
import { startSlackEmulator } from "../../dist/emulators/slack/server.js";
import { accountIdFor, domainIdFor, userIdFor } from "../../dist/src/core/derived-ids.js";
import { startAsRecorded } from "./recorded-times.mjs";

const { domains, perDomain, made, asRecorded } = JSON.parse(process.argv[2]);
const cloud = await startCloudStackEmulator({});
const root = addManagedRoot(cloud);
for (let n = 1; made && n <= domains; n++) {
  const domain = cloud.addDomain({ name: `p${n}`, parent: root, id: domainIdFor(`p-${n}`, 1) });
  for (let m = 0; m < perDomain; m++) {
    const u = (n - 1) * perDomain + m + 1;
    cloud.addAccount({
      ...{ domain, name: `user${u}`, email: `u${u}@example.org`, firstname: "F", lastname: "L" },
      ...{ id: accountIdFor(`p-${n}`, 1, `v-${u}`), userId: userIdFor(`p-${n}`, 1, `v-${u}`) },
    });
  }
}
const slack = await startSlackEmulator({ seed: slackSeed() });
const url = asRecorded ? await startAsRecorded(cloud.url) : cloud.url;
process.send({ slackUrl: slack.url, SLACK_API_URL: slack.apiUrl, CLOUDSTACK_API_URL: url, ...keyVariables(cloud) });

process.on("message", (what) => {
  if (what === "calls") {
    const counts = {};
    for (const { command } of cloud.requests()) counts[command] = (counts[command] ?? 0) + 1;
    process.send(counts);
  }
  if (what === "requests") process.send(cloud.requests().map(({ command, params }) => ({ command, params })));
  if (what === "tree") process.send(cloud.tree());
  if (what === "keys") process.send({ url, root, ...keysOf(cloud).read, admin: cloud.admin, write: keysOf(cloud).write });
});
process.on("disconnect", () => process.exit(0));
