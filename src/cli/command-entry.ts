import type { CliCommand } from "./command.ts";

/** An option as it is typed, `--since <when>`, and what it does; one that is required must be given. */
export type OptionEntry = readonly [flags: string, description: string, required?: "required"];

/** One command of the terminal: all that `--help` shows, and where its implementation is. */
export interface CommandEntry {
  /** As it is typed after `twokey`, such as `audit verify`. */
  readonly name: string;
  /** As commander writes them: `<project>` must be given, `[reason...]` may be, as often as wanted. */
  readonly args?: string;
  /** One line. */
  readonly description: string;
  readonly options?: readonly OptionEntry[];
  /** What its exit codes mean where that differs from `EXIT_CODES`. */
  readonly exits?: string;
  /** The exit code of wrong use, where 2 means something else. */
  readonly wrongUse?: 1;
  /** From the first argument on everything is an argument, also what begins with a dash. */
  readonly isText?: true;
  /** Only what is run is loaded: Slack's library and the engine take long to load. */
  readonly load: (host: { readonly serve: CliCommand }) => Promise<CliCommand>;
}
