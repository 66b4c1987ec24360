import { offeredWords, shellNames, type Commands, type Offered, type OfferedOption } from "./words.ts";

const makers: Readonly<Record<(typeof shellNames)[number], (words: readonly Offered[]) => string>> = { bash, zsh, fish };

/** The script by which a shell completes `twokey`; null: there is none for it. */
export function completionOf(shell: string, commands: Commands): string | null {
  const known = shellNames.find((name) => name === shell);
  return known === undefined ? null : makers[known](offeredWords(commands));
}

const names = (list: readonly { readonly word: string }[]): string => list.map((one) => one.word).join(" ");

function bash(words: readonly Offered[]): string {
  const leaf = (path: string, { options, args }: Offered): string => {
    const all = [...args, ...options.map((o) => o.name)].join(" ");
    return `    ${path}) offered="${all}" files="${ofKind(options, "file")}" values="${ofKind(options, "value")}" ;;`;
  };
  const cases = words.flatMap((one) =>
    one.below.length === 0 ? [leaf(`${one.word}`, one)] : one.below.map((below) => leaf(`"${one.word} ${below.word}"`, below)),
  );
  const groups = words.filter((one) => one.below.length > 0);
  return `# bash: source <(twokey completion bash)
_twokey() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" path="\${COMP_WORDS[1]}" offered="" files="" values=""
  COMPREPLY=()
  if (( COMP_CWORD == 1 )); then
    COMPREPLY=($(compgen -W "${names(words)} --help --version" -- "$current"))
    return
  fi
  case "$path" in
${groups.map((g) => `    ${g.word}) if (( COMP_CWORD == 2 )); then COMPREPLY=($(compgen -W "${names(g.below)}" -- "$current")); return; fi; path+=" \${COMP_WORDS[2]}" ;;`).join("\n")}
  esac
  case "$path" in
${cases.join("\n")}
  esac
  if [[ " $files " == *" $before "* ]]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$current"))
  elif [[ " $values " != *" $before "* ]]; then
    COMPREPLY=($(compgen -W "$offered" -- "$current"))
  fi
}
complete -F _twokey twokey
`;
}

function ofKind(options: readonly OfferedOption[], takes: OfferedOption["takes"]): string {
  return options
    .filter((o) => o.takes === takes)
    .map((o) => o.name)
    .join(" ");
}

function zsh(words: readonly Offered[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
  const described = (list: readonly Offered[]): string =>
    list.map((o) => quoted(`${o.word}:${o.description.replaceAll(":", "\\:")}`)).join(" ");
  const option = (o: OfferedOption): string => {
    const text = o.description.replace(/[[\]:\\]/g, "\\$&");
    return quoted(`${o.name}[${text}]${o.takes === "nothing" ? "" : o.takes === "file" ? ":file:_files" : ":value: "}`);
  };
  const leaf = ({ options, args }: Offered): string =>
    ["_arguments", ...(args.length === 0 ? [] : [quoted(`1:word:(${args.join(" ")})`)]), ...options.map(option)].join(" ");
  const top = (one: Offered): string =>
    one.below.length === 0
      ? `    ${one.word}) ${leaf(one)} ;;`
      : `    ${one.word})
      if (( CURRENT == 2 )); then below=(${described(one.below)}); _describe command below; return; fi
      shift words; (( CURRENT-- ))
      case "$words[1]" in
${one.below.map((b) => `        ${b.word}) ${leaf(b)} ;;`).join("\n")}
      esac ;;`;
  return `#compdef twokey
# zsh: source <(twokey completion zsh), after compinit; or save it as _twokey in a folder of $fpath
_twokey() {
  local -a tops below
  tops=(${described(words)})
  if (( CURRENT == 2 )); then _describe command tops; return; fi
  shift words; (( CURRENT-- ))
  case "$words[1]" in
${words.map(top).join("\n")}
  esac
}
if [[ "$funcstack[1]" == _twokey ]]; then _twokey "$@"; else compdef _twokey twokey; fi
`;
}

function fish(words: readonly Offered[]): string {
  const quoted = (text: string): string => `'${text.replace(/['\\]/g, "\\$&")}'`;
  const line = (condition: string, rest: string): string => `complete -c twokey -n ${quoted(condition)} ${rest}`;
  const leaf = (condition: string, { options, args }: Offered): readonly string[] => [
    ...args.map((arg) => line(condition, `-a ${arg}`)),
    ...options.map((o) => {
      const takes = { nothing: "", file: " -r -F", value: " -x" }[o.takes];
      return line(condition, `-l ${o.name.slice(2)}${takes} -d ${quoted(o.description)}`);
    }),
  ];
  const seen = (word: string): string => `__fish_seen_subcommand_from ${word}`;
  const lines = words.flatMap((one) => [
    line("__fish_use_subcommand", `-a ${one.word} -d ${quoted(one.description)}`),
    ...(one.below.length === 0 ? leaf(seen(one.word), one) : []),
    ...one.below.flatMap((below) => [
      line(`${seen(one.word)}; and not ${seen(names(one.below))}`, `-a ${below.word} -d ${quoted(below.description)}`),
      ...leaf(`${seen(one.word)}; and ${seen(below.word)}`, below),
    ]),
  ]);
  return `# fish: twokey completion fish | source\ncomplete -c twokey -f\n${lines.join("\n")}\n`;
}
