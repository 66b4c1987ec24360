// What CloudStack must look like after a chaos run, and which calls it may have taken: by its own tree, its own log, and the CI database.

/** Calls that may be accepted once for each thing: what they take does not come back. */
const ONCE = new Set(["deleteVolume", "deleteSnapshot", "deleteTemplate", "deleteAccount", "deleteDomain"]);

/** What is wrong with CloudStack, in sentences. `votes`: what people clicked. */
export async function judgeCloud(world, votes) {
  const tree = await world.ask("tree");
  const calls = await world.ask("calls");
  const domains = tree.children.find((d) => d.name === "ci").children;
  const deletions = await world.own("select id::text, domain_id::text, project_id, path, phase, closed_because, requesters from deletion");
  return [
    ...judgeNames(domains),
    ...judgeCalls(calls),
    ...judgeDeleted(calls, deletions, votes),
    ...(await judgeContents(world, domains, deletions)),
  ];
}

function twice(names) {
  return [...new Set(names.filter((name, i) => names.indexOf(name) !== i))];
}

function judgeNames(domains) {
  const doubled = twice(domains.map((d) => d.name)).map((name) => `the domain ${name} is there twice`);
  const accounts = domains.flatMap((d) =>
    twice(d.accounts.filter((a) => !a.removed).map((a) => a.name)).map((name) => `the account ${name} is in ${d.name} twice`),
  );
  return [...doubled, ...accounts];
}

function judgeCalls(calls) {
  const accepted = calls.filter((c) => c.status === 200);
  const created = ["createDomain", "createAccount"].flatMap((command) => {
    const key = command === "createDomain" ? "domainid" : "accountid";
    const ids = accepted.filter((c) => c.command === command).map((c) => c.params[key] ?? "no id");
    return twice(ids).map((id) => `${command} of ${id} was accepted twice`);
  });
  const taken = accepted.filter((c) => ONCE.has(c.command)).map((c) => `${c.command} ${c.params.id}`);
  const forced = calls.filter((c) => c.params.cleanup === "true" || c.params.expunge === "true");
  return [
    ...created,
    ...twice(taken).map((key) => `${key} was accepted twice`),
    ...forced.map((c) => `${c.command} was sent with the all-at-once switch`),
  ];
}

/** Each domain that was deleted has a deletion, on which two people clicked Approve before the call, neither of them who asked. */
function judgeDeleted(calls, deletions, votes) {
  return calls
    .filter((c) => c.command === "deleteDomain" && c.status === 200)
    .flatMap(({ params, at }) => {
      const of = deletions.filter((d) => d.domain_id === params.id && (d.phase === "deleted" || d.phase === "removing"));
      if (of.length === 0) return [`the domain ${params.id} was deleted, and no deletion says so`];
      const clicked = new Set(votes.filter((v) => v.deletion === of[0].id && v.at <= at).map((v) => v.who));
      return clicked.size >= 2 ? [] : [`${of[0].path} was deleted after ${clicked.size} people had clicked Approve`];
    });
}

/** Every active project has its domain with its members and nobody else who is enabled; a closed one's is there unless it was deleted. */
async function judgeContents(world, domains, deletions) {
  const projects = await world.ci(
    `select p.id, p.slug, p.closed_at is not null as closed, coalesce(array_agg(u.username) filter (where u.id is not null), '{}') as members
     from project p left join membership m on m.project_id = p.id left join person u on u.id = m.person_id group by p.id order by p.id`,
  );
  return projects.flatMap(({ id, slug, closed, members }) => {
    const domain = domains.find((d) => d.name === slug);
    const mine = deletions.filter((d) => d.project_id === id);
    if (domain === undefined) {
      const isDeleted = mine.some((d) => d.phase === "deleted");
      // A project that was closed before its first pass has none.
      const neverHad = closed && !world.projects.some((p) => p.id === id);
      if (closed && (isDeleted || neverHad)) return [];
      return [
        `${slug} is ${closed ? "closed" : "active"} and has no domain${isDeleted ? " after its deletion" : ", and no deletion that deleted it"}`,
      ];
    }
    const isBusy = mine.some((d) => !["deleted", "closed"].includes(d.phase));
    if (closed || isBusy) return [];
    const enabled = domain.accounts.filter((a) => a.state === "enabled" && !a.removed).map((a) => a.name);
    const missing = members
      .filter((m) => !enabled.includes(m))
      .map((m) => `${m} is a member of ${slug} and has no account there that works`);
    const extra = enabled
      .filter((a) => !members.includes(a))
      .map((a) => `${a} is no member of ${slug} and has an account there that works`);
    return [...missing, ...extra];
  });
}
