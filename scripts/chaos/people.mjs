// What people do during a chaos run: in the CI database, at the cards, and by commands. Everything they meant is noted for the oracle.
import { setTimeout as pause } from "node:timers/promises";
import { answerWindow, buttonsSeen, cast, demoChannel, playerOf, press } from "./person.mjs";
import { everybody } from "./world.mjs";

/** Between two acts of one kind. Units: ms. */
const PAUSES_MS = { ci: [300, 1_500], cards: [50, 500], commands: [300, 1_500] };

/** Starts people on a world; `chances` gives a source of chance by name. */
export function createPeople(world, chances) {
  const noted = { acts: {}, votes: [], vain: 0 };
  const players = Object.fromEntries(Object.entries(cast).map(([name, member]) => [name, playerOf(world, member)]));
  const acts = {
    ci: ciActs(world, chances("ci")),
    cards: cardActs(players, chances("cards"), noted),
    commands: commandActs(world, players, chances("commands")),
  };

  async function live(kind, end) {
    const chance = chances(`${kind} turns`);
    while (Date.now() < end) {
      await act(kind, chance);
      await pause(chance.between(...PAUSES_MS[kind]));
    }
  }
  async function act(kind, chance) {
    const [name, run] = chance.pick(acts[kind].flatMap(([name, weight, run]) => Array.from({ length: weight }, () => [name, run])));
    const done = await run();
    if (done === "vain") noted.vain += 1;
    else if (done) noted.acts[name] = (noted.acts[name] ?? 0) + 1;
  }
  return {
    noted,
    players,
    liveUntil: (end) => Promise.all(Object.keys(acts).map((kind) => live(kind, end))),
    /** One thing at a card, such as in the end, when nobody closes anything any more. */
    actAtCards: (chance) => act("cards", chance),
  };
}

function ciActs(world, chance) {
  let added = 0;
  const some = async (sql, params) => {
    const rows = await world.ci(sql, params);
    return rows.length === 0 ? null : chance.pick(rows);
  };
  const closers = [cast.mia.id, cast.mia.id, cast.chen.id, null];
  return [
    [
      "project closed",
      5,
      async () => {
        const project = await some("select id from project where closed_at is null order by id");
        const by = chance.pick(closers);
        return project !== null && world.ci("update project set closed_at = now(), closed_by = $2 where id = $1", [project.id, by]);
      },
    ],
    [
      "project reopened",
      1,
      async () => {
        const project = await some("select id from project where closed_at is not null order by id");
        return project !== null && world.ci("update project set closed_at = null, closed_by = null where id = $1", [project.id]);
      },
    ],
    [
      "project added",
      2,
      async () => {
        const id = `q-${(added += 1)}`;
        await world.ci("insert into project (id, slug, name) values ($1, $2, $2)", [id, `late-${added}`]);
        return world.ci("insert into membership values ($1, $2, 'member')", [id, chance.pick(everybody).id]);
      },
    ],
    [
      "member joined",
      4,
      async () => {
        const project = await some("select id from project where closed_at is null order by id");
        const sql = "insert into membership values ($1, $2, 'member') on conflict do nothing";
        return project !== null && world.ci(sql, [project.id, chance.pick(everybody).id]);
      },
    ],
    [
      "member left",
      3,
      async () => {
        const member = await some(
          "select m.* from membership m join project p on p.id = m.project_id where p.closed_at is null order by 1, 2",
        );
        const sql = "delete from membership where project_id = $1 and person_id = $2";
        return member !== null && world.ci(sql, [member.project_id, member.person_id]);
      },
    ],
  ];
}

function cardActs(players, chance, noted) {
  const team = [players.ada, players.ben, players.chen];
  /** Presses one of the buttons of an action that somebody sees. */
  const at = async (who, action, then) => {
    const seen = buttonsSeen(await who.view(), action);
    if (seen.length === 0) return false;
    // Whoever approves takes a card that somebody approved already, more often than not: otherwise few would be approved by two.
    const begun = seen.filter((button) => button.about.includes("1 of "));
    const button = chance.pick(begun.length > 0 && chance.hit(0.7) ? begun : seen);
    // What is meant is noted first: a replica may die with the click, or right after it counted.
    if (action === "deletion_approve") noted.votes.push({ deletion: button.deletion, who: who.id, at: Date.now() });
    if (!(await press(who, button))) return "vain";
    return then === undefined ? true : then(who, button);
  };
  const typeName = async (who) => {
    await answerWindow(who, (window) => ({ name: { name: nameIn(window) } }));
    return true;
  };
  const giveReason = (who) => answerWindow(who, () => ({ reason: { reason: "It is still needed for a while." } }));
  return [
    ["Approve", 24, () => at(chance.pick(team), "deletion_approve", typeName)],
    ["Reject", 1, () => at(chance.pick(team), "deletion_reject", giveReason)],
    ["Withdraw", 1, () => at(chance.pick(team), "deletion_withdraw")],
    ["Cancel", 1, () => at(chance.pick(team), "deletion_cancel")],
    ["Restore", 2, () => at(chance.pick(team), "deletion_restore")],
    ["Keep", 1, () => at(players.mia, "deletion_keep")],
    ["Look again", 3, () => at(chance.pick(team), "deletion_look_again")],
    ["Go on", 2, () => at(chance.pick(team), "deletion_go_on")],
  ];
}

/** The name that a window asks to be typed. */
function nameIn(window) {
  const label = window.view.blocks?.find((b) => b.block_id === "name")?.label?.text ?? "";
  return label.split(": ").at(-1);
}

function commandActs(world, players, chance) {
  const team = [players.ada, players.ben, players.chen];
  const command = async (who, name, text) => {
    const reply = await who.command(demoChannel, name, text);
    return reply.ok && reply.acked ? true : "vain";
  };
  const slug = async () => chance.pick(await world.ci("select slug from project order by id")).slug;
  const exported = async () => {
    const [n] = [chance.below(world.projects.length)];
    return command(players.ada, "/ci-export-template", `chaos-${n} chaos-${n}-image`);
  };
  const stopAndResume = async () => {
    // Whatever is stopped does nothing that a kill could cut off.
    if (!chance.hit(0.3)) return false;
    const stopped = await command(players.chen, "/ci-stop", "chaos");
    await pause(chance.between(500, 4_000));
    await resume(world, players);
    return stopped;
  };
  return [
    ["/ci-sync", 4, () => command(chance.pick(team), "/ci-sync", "")],
    ["/ci-sync of a project", 2, async () => command(chance.pick(team), "/ci-sync", await slug())],
    ["/ci-plan", 1, () => command(chance.pick(team), "/ci-plan", "")],
    ["/ci-status", 2, async () => command(chance.pick(team), "/ci-status", await slug())],
    ["/ci-deletions", 1, () => command(chance.pick(team), "/ci-deletions", "")],
    ["Home", 1, async () => void (await chance.pick(team).home()) ?? true],
    ["/ci-export-template", 5, exported],
    ["/ci-stop", 1, stopAndResume],
  ];
}

/** Two approvers resume, again and again until it is resumed. */
export async function resume(world, players) {
  for (let turn = 0; turn < 60; turn++) {
    const [last] = await world.own("select kind from stop_switch order by seq desc limit 1").catch(() => []);
    if (last?.kind !== "stop") return true;
    for (const who of [players.ada, players.ben]) await who.command(demoChannel, "/ci-resume", "");
    await pause(500);
  }
  return false;
}
