import { shortReply, type Reply } from "./reply.ts";

/** What somebody wrote who asked for nothing: hello, or thanks. */
export type Greeting = "hello" | "thanks";

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));
const HELLO = words(
  "hi hii hello hallo hey heya hiya howdy yo greetings gday morning afternoon evening day morgen tag abend moin servus bonjour salut " +
    "hola ciao who how what",
);
const THANKS = words(
  "thanks thank thankyou thx ty cheers danke merci gracias appreciated great perfect awesome cool nice ok okay bye goodbye",
);
/** What stands beside them. */
const BESIDE = words(
  "a again all am and are at bot can could dear do does doing everybody everyone folks for good guten have help here i is it lot lots " +
    "many me much my new nice of sehr so team thats that the there this to twokey u up very was welcome with you your",
);
/** A greeting is short. */
const WORDS_MAX = 10;
/** `:wave:` as Slack writes it, with its skin tone; and the characters themselves. */
const EMOJI = /:[a-z0-9_+'-]+:|\p{Extended_Pictographic}|\p{Emoji_Modifier}|\u200D|\uFE0F/giu;

/**
 * Whether a message is a greeting or thanks and nothing else, with Slack's marks, emoji and punctuation left out; null: it is more.
 * One word that is not known to be polite is enough for that. Pure.
 */
export function greetingIn(said: string): Greeting | null {
  const bare = said.replace(EMOJI, " ").toLowerCase();
  const spoken = bare.split(/[^\p{L}\p{N}'’]+/u).flatMap((word) => word.replace(/['’]/g, "") || []);
  if (spoken.length > WORDS_MAX) return null;
  // An emoji alone.
  if (spoken.length === 0) return bare.trim() === "" && bare !== said.toLowerCase() ? "hello" : null;
  if (!spoken.every((word) => HELLO.has(word) || THANKS.has(word) || BESIDE.has(word))) return null;
  if (spoken.some((word) => THANKS.has(word)))
    return spoken.some((word) => word === "hello" || word === "hi" || word === "hey") ? "hello" : "thanks";
  return spoken.some((word) => HELLO.has(word)) ? "hello" : null;
}

/** The answer: short, and with what the bot can do. */
export function answerGreeting(greeting: Greeting): Reply {
  if (greeting === "thanks") return shortReply("You are welcome", "/ci-help says what else I can do.");
  return {
    title: "Hello! I am the bot that looks after the CI projects' domains in CloudStack",
    parts: [
      {
        kind: "list",
        title: "Ask me",
        lines: [
          [{ code: "/ci-status" }, ": how your project is doing, and what to do"],
          [{ code: "/ci-export-template" }, ": download a template"],
          [{ code: "/ci-backups" }, " and a project's short name: what is saved of it"],
        ],
      },
      {
        kind: "note",
        text: ["Here you may leave out the beginning and write ", { code: "status" }, ". ", { code: "/ci-help" }, " lists all commands."],
      },
    ],
  };
}
