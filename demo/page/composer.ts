import { Component, h, type JSX } from "preact";
import type { WorkspaceView } from "../../emulators/slack/control-api.ts";
import { act, change } from "./store.ts";

interface ComposerProps {
  readonly me: string;
  readonly place: string;
  readonly note: string;
  readonly commands: WorkspaceView["commands"];
  readonly isTeam: boolean;
}

/** What people are shown to begin with. */
const firstCommands = {
  team: ["/ci-status", "/ci-deletions", "/ci-plan", "/ci-policy", "/ci-help"],
  users: ["/ci-status", "/ci-export-template", "/ci-backups", "/ci-help"],
} as const;

/** Where messages and commands are written; what Slack itself answers stands above it. */
export class Composer extends Component<ComposerProps> {
  private field: HTMLInputElement | null = null;

  private readonly submit = (event: Event): void => {
    event.preventDefault();
    const words = this.field?.value.trim() ?? "";
    if (this.field !== null) this.field.value = "";
    if (words !== "") void this.send(words);
  };

  private async send(words: string): Promise<void> {
    const { place } = this.props;
    change({ note: "" });
    const [command = "", ...rest] = words.split(" ");
    const reply = words.startsWith("/")
      ? await act("command", { channel: place, command, text: rest.join(" ") })
      : await act("message", { channel: place, text: words });
    if (!reply.ok) change({ note: reply.error === "unknown_command" ? this.unknown(command) : `Slack refused: ${reply.error}` });
  }

  private unknown(command: string): string {
    const near = nearest(command, this.props.commands);
    return `Slack: ${command} is no command here.${near === null ? "" : ` Did you mean ${near}?`} /ci-help lists all of them.`;
  }

  override render({ note, commands, isTeam }: ComposerProps): JSX.Element {
    const known = (c: string): boolean => commands.some((one) => one.command === c);
    return h(
      "form",
      { id: "composer", onSubmit: this.submit },
      h("div", { id: "note", role: "status" }, note),
      h(
        "div",
        { class: "try" },
        h("span", null, "Try"),
        ...firstCommands[isTeam ? "team" : "users"]
          .filter(known)
          .map((c) => h("button", { type: "button", key: c, onClick: () => void this.send(c) }, c)),
      ),
      h(
        "div",
        { class: "write" },
        h("input", {
          id: "words",
          autocomplete: "off",
          "aria-label": "Message or command",
          placeholder: "Message, or / for commands",
          list: "commands",
          ref: (field: HTMLInputElement | null) => void (this.field = field),
        }),
        h(
          "datalist",
          { id: "commands" },
          ...commands.map((c) => h("option", { value: c.command, key: c.command }, `${c.usageHint} ${c.description}`)),
        ),
        h("button", { type: "submit", class: "send" }, "Send"),
      ),
    );
  }
}

/** The known command that shares most with what was typed; null when none is near. */
function nearest(typed: string, commands: WorkspaceView["commands"]): string | null {
  const pairs = (text: string): readonly string[] => [...text].slice(1).map((c, at) => `${text[at] ?? ""}${c}`);
  const wanted = pairs(typed.toLowerCase().replace(/^\/(?:ci-)?/, ""));
  const shared = (command: string): number => {
    const has = pairs(command.replace(/^\/ci-/, ""));
    return wanted.filter((pair) => has.includes(pair)).length / Math.max(wanted.length, has.length, 1);
  };
  const [best] = commands.map((c) => [shared(c.command), c.command] as const).toSorted((a, b) => b[0] - a[0]);
  return best !== undefined && best[0] > 0.3 ? best[1] : null;
}
