import { pino, type DestinationStream, type Logger } from "pino";
import type { Failure } from "./core/failure.ts";
import { presentTrace } from "./core/trace.ts";

/** The only place that writes the log: one function per kind of fact; JSON lines without secrets, each with the ids of its work. */
export interface Events {
  /** Each single call and question: only read while a fault is searched for. */
  debug(fact: string, details?: Details): void;
  /** Something happened that an operator may want to read later. `fact` is stable, `room.what`. */
  info(fact: string, details?: Details): void;
  /** Something that somebody should look at soon. */
  warn(fact: string, details?: Details): void;
  /** Something that somebody must look at now. */
  error(fact: string, details?: Details): void;
  /** An expected failure, with its code and sentence. */
  failed(fact: string, f: Failure, details?: Details): void;
  /** A bug: anything that was thrown. Only its name, message and stack are written. */
  bug(fact: string, thrown: unknown): void;
}
/** Plain facts of one line. */
export type Details = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Keys whose values never reach the log, wherever they stand. */
const secretKey = /token|secret|signature|password|apikey|authorization|cookie|url/i;
/**
 * What looks like a secret inside a text: Slack tokens, signatures, addresses of databases, users and passwords in addresses; what is in
 * quotes as a whole. What `twokey roles` writes where CloudStack is given a new password is none.
 */
const secretText =
  /(?<=:\/\/)[^\s/@"]+(?=@)|xox[a-z]-[\w-]+|xapp-[\w-]+|(?:apikey|signature|secretkey|password|token)=(?!'<a new password>'(?!\S))(?:(?:'[^'\n]*'|"[^"\n]*")[^&\s"]*|[^&\s"]+)|(?:postgres(?:ql)?|mysql|mariadb):\/\/[^\s"]+/gi;
/** Links that open by themselves. Taken whole first: looking for these words from each place of a long text takes time without end. */
const [link, secretLink] = [/https?:\/\/\S+/gi, /\/(?:userdata|exports|restores)\/\S|\/\/hooks\.slack\.com\//i];

/** Makes the event log. `level` "silent" writes nothing. */
export function createEvents(level: string, environment: string, destination?: DestinationStream): Events {
  const logger: Logger = pino(
    { level, base: { environment }, timestamp: pino.stdTimeFunctions.isoTime, mixin: () => ({ ...presentTrace() }) },
    destination ?? pino.destination(2),
  );
  return {
    debug: (fact, details) => {
      if (logger.isLevelEnabled("debug")) logger.debug(clean(details), fact);
    },
    info: (fact, details) => logger.info(clean(details), fact),
    warn: (fact, details) => logger.warn(clean(details), fact),
    error: (fact, details) => logger.error(clean(details), fact),
    failed: (fact, f, details) => logger.warn(clean({ ...details, kind: f.kind, code: f.code, sentence: f.message, ...f.details }), fact),
    bug: (fact, thrown) => logger.error(clean(described(thrown)), fact),
  };
}

/** The same log, where every fact also goes to `observe`: that is how facts become numbers. */
export function observed(events: Events, observe: (fact: string, details: Details) => void): Events {
  const also =
    (level: "debug" | "info" | "warn" | "error") =>
    (fact: string, details: Details = {}) => {
      events[level](fact, details);
      observe(fact, details);
    };
  return {
    ...events,
    ...{ debug: also("debug"), info: also("info"), warn: also("warn"), error: also("error") },
    failed(fact, f, details) {
      events.failed(fact, f, details);
      observe(fact, { ...details, kind: f.kind, code: f.code });
    },
    bug(fact, thrown) {
      events.bug(fact, thrown);
      observe(fact, {});
    },
  };
}

/** Takes secrets out of a text that a person or a log will see. */
export function redact(text: string): string {
  return text.replace(link, (whole) => (secretLink.test(whole) ? "[redacted]" : whole)).replace(secretText, "[redacted]");
}

function clean(details: Details = {}): Details {
  return Object.fromEntries(
    Object.entries(details).map(([k, v]) => [k, secretKey.test(k) ? "[redacted]" : typeof v === "string" ? redact(v) : v]),
  );
}

function described(thrown: unknown): Details {
  if (!(thrown instanceof Error)) return { thrown: String(thrown) };
  const cause = thrown.cause instanceof Error ? thrown.cause.message : undefined;
  return { name: thrown.name, message: thrown.message, stack: thrown.stack, cause };
}
