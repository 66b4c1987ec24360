import type { CommandEntry } from "./command-entry.ts";

/** The exit codes of every command. */
export const EXIT_CODES = "0 done; 1 not done, or a problem was found; 2 wrong use, or a wrong environment";

/** What a first word means that several commands share. */
export const groups: Readonly<Record<string, string>> = {
  audit: "shows and checks the audit log",
};

const json = ["--json", "prints JSON for a script"] as const;
const dryRun = ["--dry-run", "only shows what would be done"] as const;

/** Every command, in the order of the help. A new one is an entry here, a file in this folder, and its row in docs/cli.md. */
export const commandList: readonly CommandEntry[] = [
  {
    name: "serve",
    description: "runs the bot, configured by the environment (docs/configuration.md)",
    load: async ({ serve }) => serve,
  },
  {
    name: "doctor",
    description: "checks the environment and every system it names, changes nothing",
    options: [["--strict", "warnings count: the exit code is then 1"], json],
    exits: "0 nothing failed; 1 with --strict: there are warnings; 2 something failed",
    load: async () => (await import("./doctor/command.ts")).runDoctor,
  },
  {
    name: "plan",
    args: "[project]",
    description: "shows what a pass would do now; writes nothing, needs neither Slack nor keys that change anything",
    options: [json],
    exits: "0 nothing to change; 2 changes; 1 it cannot be told, or wrong use",
    wrongUse: 1,
    load: async () => (await import("./plan.ts")).runPlan,
  },
  {
    name: "plan show",
    args: "<id>",
    description: "prints every line of a plan that was stored, with what became of each change",
    options: [json],
    exits: "0 printed; 1 there is no such plan, or wrong use",
    wrongUse: 1,
    load: async () => (await import("./plan.ts")).runPlanShow,
  },
  {
    name: "stop",
    args: "[reason...]",
    description: "stops everything at once, also without Slack; two approvers resume in Slack",
    options: [json],
    isText: true,
    load: async () => (await import("./stop.ts")).runStop,
  },
  {
    name: "resume",
    description: "shows what is stopped, why, and what a resume still needs: two approvers, in Slack",
    options: [json],
    exits: "0 nothing is stopped; 1 it is",
    load: async () => (await import("./stop.ts")).runResume,
  },
  {
    name: "deletions",
    description: "lists the deletions under way, and what can still be given back",
    options: [json],
    load: async () => (await import("./deletions.ts")).runDeletions,
  },
  {
    name: "restore",
    args: "<project>",
    description: "cancels its deletion in the cool-off, later has the running bot give its domain back",
    options: [json],
    load: async () => (await import("./deletions.ts")).runRestore,
  },
  {
    name: "status",
    description: "shows how everything stands: the last complete read, holds, deletions, questions, limits, a stop",
    options: [json],
    load: async () => (await import("./status.ts")).runStatus,
  },
  {
    name: "policy",
    description: "shows the policy in force and the changes that are proposed; two approvers change it, in Slack",
    options: [json],
    load: async () => (await import("./policy.ts")).runPolicy,
  },
  {
    name: "audit list",
    description: "lists what people and Twokey did, the newest last",
    options: [
      ["--since <when>", "from when on, such as 2026-07-01 or 2026-07-01T10:00; UTC unless it names a zone"],
      ["--until <when>", "until when"],
      ["--kind <kind>", "what was done, such as vote; with a * at its end all that begin so, such as deletion.*"],
      ["--actor <id>", "who did it"],
      ["--subject <id>", "to what: a deletion, a project, a plan"],
      ["--limit <number>", "at most so many, the newest; 50 if left out"],
      json,
    ],
    load: async () => (await import("./audit-list.ts")).runAuditList,
  },
  {
    name: "audit show",
    args: "<row>",
    description: "shows one row of the audit log with all that it has",
    options: [json],
    load: async () => (await import("./audit-list.ts")).runAuditShow,
  },
  {
    name: "adopt",
    description:
      "matches domains, accounts and users that are there to the CI database; approvers agree in Slack on what is managed: one more than the policy says",
    options: [
      ["--dry-run", "only shows the table: nothing is written anywhere, and Slack is not needed"],
      ["--json", "prints the table for scripts"],
      ["--map <file>", "which project has which domain, where their names differ: lines such as aurora,ROOT/ci/Team Aurora"],
    ],
    load: async () => (await import("./adopt.ts")).runAdopt,
  },
  {
    name: "un-adopt",
    args: "<project...>",
    description:
      "asks in Slack whether adopted domains are given back: Twokey leaves them alone then; one approver more than the policy says",
    options: [json],
    load: async () => (await import("./adopt.ts")).runUnAdopt,
  },
  {
    name: "audit verify",
    description: "checks the hash chain of the audit log, and that it still contains a head noted earlier",
    options: [
      ["--head <hash>", "a head noted earlier: 64 hexadecimal digits"],
      ["--key <file>", "the public key that checks the checkpoint, where the log's old part was cut off"],
      json,
    ],
    exits: "0 intact; 1 the log was changed; 2 that cannot be told",
    load: async () => (await import("./audit.ts")).runAuditVerify,
  },
  {
    name: "audit export",
    args: "<file>",
    description: "writes the old part of the audit log to a new file, and checks it; changes nothing",
    options: [["--before <when>", "what is older, such as 2026-07-01; UTC unless it names a zone", "required"]],
    load: async () => (await import("./audit-export.ts")).runAuditExport,
  },
  {
    name: "audit cut",
    args: "<file>",
    description: "as the owner of the database: removes from the audit log what an export holds, and leaves a signed checkpoint",
    options: [["--key <file>", "the private Ed25519 key in PEM that signs the checkpoint", "required"], dryRun],
    load: async () => (await import("./audit-cut.ts")).runAuditCut,
  },
  {
    name: "replay",
    args: "[plan]",
    description: "computes a plan again from its stored inputs, offline, and compares the bytes; without a plan lists the newest",
    options: [["--print", "prints the plan as it was computed again"], json],
    exits: "0 the same bytes; 1 not the same",
    load: async () => (await import("./replay.ts")).runReplay,
  },
  {
    name: "incident",
    description: "writes the report on an incident: what is gone, what can be brought back, whom to inform",
    options: [
      ["--since <when>", "from when on, such as 2026-07-01 or 2026-07-01T10:00; UTC unless it names a zone", "required"],
      ["--until <when>", "until when; now if left out"],
      ["--out <file>", "writes to a file that only you can read"],
    ],
    load: async () => (await import("./incident/command.ts")).runIncident,
  },
  {
    name: "backup-cost",
    description: "compares what the backup policies cost and what each could have brought back in 2017",
    options: [["--plot <file.png>", "draws it, too"], json],
    load: async () => (await import("./backup-cost.ts")).runBackupCost,
  },
  {
    name: "rebuild",
    description: "creates all domains, accounts and users again in an empty CloudStack; a second run continues",
    options: [dryRun, json],
    load: async () => (await import("./rebuild.ts")).runRebuild,
  },
  {
    name: "reimport",
    args: "<project>",
    description: "registers a project's templates from the archive again; a second run continues",
    options: [
      ["--from <date>", "the date by which the copies were saved", "required"],
      ["--to <domain>", "the UUID or the path of an empty domain", "required"],
      ["--account <name>", "the account that owns them all; the accounts of the same names if left out"],
      ["--zone <zone>", "the id or name of the zone for templates whose own zone no longer exists"],
      dryRun,
      json,
    ],
    load: async () => (await import("./reimport.ts")).runReimport,
  },
  {
    name: "roles",
    description: "prints the CloudStack calls that make the roles, accounts and keys of Twokey; with an administrator's keys can make them",
    options: [
      ["--apply", "makes the calls that are still to be made, by CLOUDSTACK_ADMIN_API_KEY and CLOUDSTACK_ADMIN_SECRET_KEY"],
      [
        "--change <role>",
        "with --apply: gives this role, which is there with other rules, the rules that are wanted; all: every such role",
      ],
      ["--keys <file>", "with --apply: where the keys are written for the bot's environment; twokey.keys if left out"],
      json,
    ],
    exits: "0 done, or printed; 1 not done, or something there differs and was left; 2 wrong use, or a wrong environment",
    load: async () => (await import("./roles/command.ts")).runRoles,
  },
  {
    name: "migrate",
    description: "as the owner in DATABASE_MIGRATION_URL: migrates the database, and grants the bot's role its rights",
    options: [["--role <name>", "the bot's role; the one of DATABASE_URL if left out"], json],
    load: async () => (await import("./migrate.ts")).runMigrate,
  },
  {
    name: "manifest",
    description: "prints the manifest of the Slack app, to paste at api.slack.com/apps",
    options: [
      ["--http <url>", "for HTTP mode: the address that Slack reaches, with the proxy's path if it has one; left out: Socket Mode"],
    ],
    load: async () => (await import("./manifest.ts")).runManifest,
  },
  {
    name: "completion",
    args: "<shell>",
    description: "prints the script by which bash, zsh or fish completes commands and options",
    load: async () => (await import("./completion/command.ts")).completionCommand({ commandList, groups }),
  },
];
