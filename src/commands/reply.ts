import type { Failure } from "../core/failure.ts";

/** One piece of an answer; texts are plain, and foreign names may stand in them: the renderer makes them harmless. */
export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "fields"; readonly rows: readonly (readonly [string, string])[] }
  | { readonly kind: "list"; readonly title: string; readonly lines: readonly string[] }
  | { readonly kind: "note"; readonly text: string }
  | { readonly kind: "table"; readonly title: string; readonly lines: readonly string[] }
  | {
      readonly kind: "choice";
      readonly action: "choose_template" | "choose_setting";
      readonly label: string;
      readonly options: readonly { readonly value: string; readonly label: string }[];
    };

/** A picture beside an answer; `description` says in words what it shows. */
export interface Picture {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly png: Uint8Array;
}

/** What a command answers; knows no Slack. `title` says all in one line. */
export interface Reply {
  readonly title: string;
  readonly parts: readonly Part[];
  readonly picture?: Picture;
}

/** Turns a failure into an answer: what was refused, and what to do. */
export function replyOfFailure(f: Failure): Reply {
  return { title: f.message, parts: f.remedy === undefined ? [] : [{ kind: "text", text: f.remedy }] };
}
