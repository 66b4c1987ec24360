import type { ExportKind } from "../core/archive-kinds.ts";
import type { Failure } from "../core/failure.ts";
import type { Instant } from "../core/ids.ts";
import type { Result } from "../core/result.ts";

/** An instant in a text, shown in the reader's zone; `day`: without the time. */
export interface Moment {
  readonly at: Instant;
  readonly as?: "day";
}

/** A name that people copy: shown as code, with every character as it is. */
export interface Copied {
  readonly code: string;
}

/** A text, in which instants and names may stand. */
export type Words = string | readonly (string | Moment | Copied)[];

/** A button of an answer; `label` is for screen readers. */
export interface ReplyButton {
  readonly action: "choose_template" | "status_keep";
  readonly text: string;
  readonly value: string;
  readonly label: string;
  readonly isPrimary?: boolean;
}

/** One piece of an answer. Texts are plain and may hold names that others chose: the renderer escapes them. */
export type Part =
  | { readonly kind: "text"; readonly text: Words }
  | { readonly kind: "fields"; readonly rows: readonly (readonly [string, Words])[] }
  | { readonly kind: "list"; readonly title: string; readonly lines: readonly Words[] }
  | { readonly kind: "button_line"; readonly text: Words; readonly button: ReplyButton }
  | { readonly kind: "note"; readonly text: Words }
  | { readonly kind: "table"; readonly title: string; readonly lines: readonly string[] }
  | {
      readonly kind: "choice";
      readonly action: `choose_${ExportKind}` | "choose_setting";
      readonly label: string;
      readonly options: readonly { readonly value: string; readonly label: string }[];
    }
  /** A menu whose options are asked for while a person types. */
  | { readonly kind: "search"; readonly action: `choose_${ExportKind}`; readonly label: string };

/** A picture that goes with an answer; `description` says in words what it shows. */
export interface Picture {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly png: Uint8Array;
}

/** What a command answers, independent of Slack. `title` says all in one line. */
export interface Reply {
  readonly title: string;
  readonly parts: readonly Part[];
  readonly picture?: Picture;
}

/** An answer of a title and, where there is more to say, one text. */
export function shortReply(title: string, text?: string): Reply {
  return { title, parts: text === undefined ? [] : [{ kind: "text", text }] };
}

/** Turns a failure into an answer: what was refused, and what to do. */
export function replyOfFailure(f: Failure): Reply {
  return shortReply(f.message, f.remedy);
}

/** Answers with what was got, or with the failure. */
export function replyOf<T, R extends Reply | null>(got: Result<T, Failure>, tell: (value: T) => R): Reply | R {
  return got.ok ? tell(got.value) : replyOfFailure(got.error);
}

/** The answer to a person who is not of the CI team. */
export function teamOnlyReply(what: string, instead = "/ci-status tells about your own project."): Reply {
  return shortReply(`Only members of the CI team may see ${what}`, instead);
}
