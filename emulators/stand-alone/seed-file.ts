import { z } from "zod";

const text = z.string().trim().min(1);
const slackId = z.string().regex(/^[UW][A-Z0-9]{2,20}$/, "is no Slack id, such as U0ADA0001");

const Person = z.strictObject({
  id: text,
  username: text,
  email: z.email().nullable().default(null),
  firstName: text,
  lastName: text,
  /** Left out: the person is only in the CI database. */
  slackId: slackId.optional(),
  isApprover: z.boolean().default(false),
});

const Account = z.strictObject({
  name: text,
  email: z.email().optional(),
  firstName: text.optional(),
  lastName: text.optional(),
  machines: z.array(text).default([]),
  templates: z
    .array(
      z.strictObject({
        name: text,
        bytes: z
          .int()
          .positive()
          .max(2 ** 30),
      }),
    )
    .default([]),
});

const Project = z.strictObject({
  id: text,
  slug: text,
  name: text,
  isClosed: z.boolean().default(false),
  /** How much of each kind its domain may have, such as `{"user_vm": 20}`; left out: nobody says. */
  limits: z.record(z.string(), z.int().min(-1)).optional(),
  members: z.array(z.strictObject({ person: text, role: text.default("member") })).default([]),
});

const SeedFile = z.strictObject({
  people: z.array(Person),
  projects: z.array(Project),
  domains: z.array(z.strictObject({ name: text, accounts: z.array(Account).default([]) })),
});

/** A world to rehearse in: people, the projects of the CI database, and the domains that CloudStack has below ROOT/ci already. */
export type RehearsalSeed = z.output<typeof SeedFile>;

/** A seed file that cannot be used; the message says where, and what is wanted there. */
export class BadSeed extends Error {
  override readonly name = "BadSeed";
}

/** Reads a seed. Errors: throws `BadSeed` with everything that is wrong, at most ten things. */
export function parseSeed(source: string): RehearsalSeed {
  let json: unknown;
  try {
    json = JSON.parse(source);
  } catch (thrown) {
    throw new BadSeed(`The seed is no JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}.`);
  }
  const parsed = SeedFile.safeParse(json);
  const wrong = parsed.success
    ? contradictions(parsed.data)
    : parsed.error.issues.map((issue) => `${issue.path.join(".") || "the seed"}: ${issue.message}`);
  if (parsed.success && wrong.length === 0) return parsed.data;
  const more = wrong.length > 10 ? [`and ${wrong.length - 10} more`] : [];
  throw new BadSeed(["The seed cannot be used:", ...[...wrong.slice(0, 10), ...more].map((line) => `- ${line}`)].join("\n"));
}

function contradictions({ people, projects, domains }: RehearsalSeed): readonly string[] {
  const known = new Set(people.map((p) => p.id));
  const approvers = people.filter((p) => p.isApprover && p.slackId !== undefined).length;
  return [
    ...doubles(
      "people: the id",
      people.map((p) => p.id),
    ),
    ...doubles(
      "people: the username",
      people.map((p) => p.username),
    ),
    ...doubles(
      "people: the Slack id",
      people.flatMap((p) => p.slackId ?? []),
    ),
    ...doubles(
      "projects: the id",
      projects.map((p) => p.id),
    ),
    ...doubles(
      "domains: the name",
      domains.map((d) => d.name.toLowerCase()),
    ),
    ...domains.flatMap((d) =>
      doubles(
        `domain ${d.name}: the account`,
        d.accounts.map((a) => a.name.toLowerCase()),
      ),
    ),
    ...projects.flatMap((p) =>
      p.members.filter((m) => !known.has(m.person)).map((m) => `project ${p.id}: nobody in people has the id ${m.person}`),
    ),
    ...(approvers < 3 ? [`people: ${approvers} with isApprover and a slackId, the bot needs three`] : []),
  ];
}

function doubles(what: string, values: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return values.filter((one) => seen.has(one) || !seen.add(one)).map((one) => `${what} ${one} is there twice`);
}
