import { distance } from "fastest-levenshtein";
import { ADMIN_VARIABLES, secretNames, type Environment } from "./secret-files.ts";
import { listVariables } from "./variables.ts";

/** A variable that is set, and that Twokey does not know. */
export interface UnknownName {
  /** Its name, what it may have been meant to be, and what follows. */
  readonly sentence: string;
  /** It, or what it may have been meant to be, looks like a limit, a wait or an approval: without it the bot would protect less. */
  readonly isProtection: boolean;
}

/** Other tools use names with these beginnings, too: GitLab and Woodpecker set dozens of CI_…. Only what nearly is one of ours counts. */
const SHARED = /^(?:CI|DATABASE)_/;
const OURS = /^(?:TWOKEY|CLOUDSTACK|SLACK|ARCHIVE|BACKUP)_/;
const BEGINNINGS = ["TWOKEY", "CLOUDSTACK", "SLACK", "ARCHIVE", "BACKUP"];
/** Read elsewhere than by the configuration. */
const ELSEWHERE = ["TWOKEY_POSTGRES_BIN", "TWOKEY_DEMO_DIR", "TWOKEY_DEMO_PORT"];
/** What Kubernetes sets in every pod for a service, such as one named twokey. */
const KUBERNETES = /_SERVICE_(?:HOST|PORT(?:_\w+)?)$|_PORT_\d+_(?:TCP|UDP)(?:_PROTO|_PORT|_ADDR)?$/;

/** Parts of names that make something safer, or let less happen. */
const PROTECTIONS = [
  "PROTECT\\w*|APPROV\\w*|QUORUM|SENTINEL|ABSEN\\w+|RESTRICT\\w*|DELETIONS?|PROPOSALS?|SHRINK|BUDGET|LIMITS?|THRESHOLD",
  "WAIT|DELAY|COOL|COOLOFF|GRACE|KEEP|HOLD|RETENTION|MAX\\w*|MIN|MINIMUM|AGE|PER_(?:PASS|DAY|WEEK|HOUR)|READ_?ONLY|DRY_?RUN|MODE|STOP",
].join("|");
const PROTECTION = new RegExp(`(?:^|_)(?:${PROTECTIONS})(?:_|$)`);

/** Whether a name looks like a limit, a wait or an approval. */
export function looksLikeProtection(name: string): boolean {
  return PROTECTION.test(name);
}

/** The variables that look like Twokey's and are none, each with the nearest right name. Values are never repeated. */
export function findUnknownNames(env: Environment): readonly UnknownName[] {
  const names = listVariables().map((v) => v.name);
  const known = [...names, ...ADMIN_VARIABLES, ...secretNames().map((name) => `${name}_FILE`), ...ELSEWHERE];
  return Object.entries(env).flatMap(([given, value]) => {
    const name = given.toUpperCase();
    const isSet = value !== undefined && value.trim() !== "";
    if (!isSet || known.includes(given) || !(OURS.test(name) || SHARED.test(name) || isNearlyOurs(name))) return [];
    if (KUBERNETES.test(name) || (name.endsWith("_PORT") && /^(?:tcp|udp):/.test(value))) return [];
    const nearest = nearestOf(name, known);
    if (nearest === null && !OURS.test(name)) return [];
    const isProtection = looksLikeProtection(name) || (nearest !== null && looksLikeProtection(nearest));
    return [{ sentence: sentenceOf(given, nearest, names), isProtection }];
  });
}

/** The known name that differs by few letters, or by the order or number of its words; null: none does. */
function nearestOf(name: string, known: readonly string[]): string | null {
  const ranked = known
    .map((one) => ({ one, far: Math.min(distance(name, one), distance(inOrder(name), inOrder(one))) }))
    .toSorted((a, b) => a.far - b.far);
  const [best] = ranked;
  return best !== undefined && best.far <= (!OURS.test(name) ? 2 : Math.max(3, Math.floor(name.length / 5))) ? best.one : null;
}

/** A beginning of ours that is misspelt, as in CLOUDSTAK_…. */
function isNearlyOurs(name: string): boolean {
  const [first = ""] = name.split("_");
  return BEGINNINGS.some((one) => distance(first, one) <= 2);
}

function inOrder(name: string): string {
  return name.split("_").toSorted().join("_");
}

function sentenceOf(given: string, nearest: string | null, names: readonly string[]): string {
  const what = `${given} is not a variable of Twokey, so it has no effect`;
  const bare = given.replace(/_FILE$/, "");
  if (bare !== given && names.includes(bare)) return `${what}: only secrets are read from files. Set ${bare} itself`;
  return nearest === null ? `${what}. Unset it (docs/configuration.md lists all)` : `${what}. Did you mean ${nearest}?`;
}
