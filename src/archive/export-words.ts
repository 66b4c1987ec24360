import type { ExportKind } from "../core/archive-kinds.ts";
import { sentenceOf, type Failure } from "../core/failure.ts";

const LATER = "Try again in a while; if it stays so, show this to the CI team.";
const TEAM = "Show this to the CI team: only they can change it.";

const MAKE_IT_FIT: Readonly<Record<ExportKind, string>> = {
  template:
    "A template can be exported once it was downloaded to secondary storage, and not where it is a direct download: then make a new one from a stopped machine.",
  volume:
    "A volume can be exported once it was written to, and not while it is encrypted or its machine runs: a template of it may be possible.",
  snapshot:
    "A snapshot can be exported once it is backed up to secondary storage, by CloudStack 4.20 and newer: a template of it may be possible.",
};

/** What happened, and what who asked can do: the first code that a failure's begins with counts. */
const WORDS: readonly (readonly [code: string, what: string, toDo: string | null])[] = [
  ["cloudstack.internal", "CloudStack could not make it ready: as a rule its secondary storage VM does not answer.", LATER],
  ["cloudstack.limit", "A limit in CloudStack is used up.", TEAM],
  ["cloudstack.permission", "Twokey may not take this out of CloudStack.", TEAM],
  ["cloudstack.not_allowed", "Twokey may not take this out of CloudStack.", TEAM],
  ["cloudstack.parameter", "CloudStack does not give it out as it is.", null],
  ["cloudstack.not_extractable", "CloudStack does not give it out as it is.", null],
  ["cloudstack.link_dead", "CloudStack gave a download link that has expired.", LATER],
  ["cloudstack.download_", "It could not be fetched from CloudStack's secondary storage.", LATER],
  ["cloudstack.wrong_range", "CloudStack's secondary storage gave other bytes than were asked for.", LATER],
  ["archive.full", "The archive has no room for it.", TEAM],
  ["archive.size", "The download was not whole, so it is not handed out.", LATER],
  ["archive.cut", "The download broke off again and again.", LATER],
  ["archive.empty", "The download was empty, so nothing is handed out.", LATER],
  ["archive.damaged", "The archive's copy is damaged, so it is not handed out.", TEAM],
  ["archive.", "The archive cannot be used now.", LATER],
  ["cidb.", "The CI database cannot be read now.", LATER],
  ["cloudstack.", "CloudStack did not give it out.", LATER],
];

/** Why an export failed, in words for who asked; what only the CI team can use of it comes last. */
export function wordsFor(f: Failure, kind: ExportKind): string {
  const [, what, toDo] = WORDS.find(([code]) => f.code.startsWith(code)) ?? [];
  if (what === undefined) return sentenceOf(f);
  return `${what} ${toDo ?? MAKE_IT_FIT[kind]}\nIn detail: ${sentenceOf(f)}`;
}
