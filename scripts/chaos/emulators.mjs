// The emulators of a chaos run, in a process of their own. They outlive every replica, and remember every changing call that CloudStack got.
import { addManagedRoot, keyVariables } from "../../dist/demo/keys.js";
import { slackSeed } from "../../dist/demo/cast.js";
import { startCloudStackEmulator } from "../../dist/emulators/cloudstack/server.js";
import { startSlackEmulator } from "../../dist/emulators/slack/server.js";
import { accountIdFor, domainIdFor, userIdFor } from "../../dist/src/core/derived-ids.js";

/** How often the requests are looked through. The emulator forgets the oldest. Units: ms. */
const COLLECT_MS = 5_000;
const TEMPLATE_BYTES = 200_000;

const { projects } = JSON.parse(process.argv[2]);
const cloud = await startCloudStackEmulator({
  jobMs: 40,
  expungeDelayMs: 3_000,
  expungeIntervalMs: 1_000,
  accountCleanupIntervalMs: 60_000,
});
const root = addManagedRoot(cloud);
for (const project of projects) fill(project);
const slack = await startSlackEmulator({ seed: slackSeed(), ackMs: 3_000 });
const changing = [];
let lookedUntil = 0;
setInterval(collect, COLLECT_MS);
process.send({ slackUrl: slack.url, SLACK_API_URL: slack.apiUrl, CLOUDSTACK_API_URL: cloud.url, ...keyVariables(cloud) });

const answers = {
  tree: () => cloud.tree(),
  /** The changing calls so far. */
  calls() {
    collect();
    return changing;
  },
};
process.on("message", ({ id, what }) => process.send({ id, answer: answers[what]() }));
process.on("disconnect", () => process.exit(0));

/** Requests of one millisecond are looked at together, one millisecond after they came. */
function collect() {
  const until = Date.now();
  const fresh = cloud.requests().filter((r) => r.at >= lookedUntil && r.at < until && !/^(?:list|query|get)/.test(r.command));
  changing.push(...fresh.map(({ at, command, params, status }) => ({ at, command, params, status })));
  lookedUntil = until;
}

/** A project's domain as Twokey made it before, with a machine that rests, a disk and a template. */
function fill({ id, slug, members }) {
  const domain = cloud.addDomain({ name: slug, parent: root, id: domainIdFor(id, 1) });
  const accounts = members.map((m) => {
    const names = { name: m.username, email: `${m.username}@example.org`, firstname: m.firstName, lastname: m.lastName };
    return cloud.addAccount({ domain, ...names, id: accountIdFor(id, 1, m.id), userId: userIdFor(id, 1, m.id) }).accountId;
  });
  const [account] = accounts;
  const machine = cloud.addMachine({ account, name: `${slug}-build`, stopped: true });
  cloud.addVolume({ account, name: `${slug}-data`, machine });
  cloud.addTemplate({ account, name: `${slug}-image`, bytes: TEMPLATE_BYTES, isExtractable: false });
}
