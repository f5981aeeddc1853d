/**
 * The shells' side: each takes the words up to the cursor, asks `PROGRAM __complete`, and offers what it answers
 * (src/cli/completion/answer.ts). Nothing that is typed is evaluated: `$(…)` on the line stays text.
 */
export const shells = ['bash', 'fish', 'zsh'] as const;
export type ShellName = (typeof shells)[number];

export function scriptFor(shell: ShellName, program: string): string {
  return { bash, fish, zsh }[shell](program);
}

/** Without the package bash-completion too. What readline replaces begins behind the last `:` or `=`. */
const bash = (
  program: string,
) => `# bash completion for ${program}: source <(fairlead completion bash ${program})

__fairlead_complete_${program}() {
    local line="\${COMP_LINE:0:COMP_POINT}" word i
    local -a words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word="\${COMP_WORDS[i]}"
        if [[ i -eq 0 || $line == [[:space:]]* ]]; then
            line="\${line#"\${line%%[![:space:]]*}"}"
            words+=("\${word:0:\${#line}}")
        else
            words[\${#words[@]} - 1]+="\${word:0:\${#line}}"
        fi
        line="\${line:\${#word}}"
    done
    words=("\${words[@]//[\\"\\'\\\\]/}")

    local out directive current="\${words[\${#words[@]} - 1]}"
    out="$("\${words[0]/#\\~/$HOME}" __complete "\${words[@]:1}" 2>/dev/null)" || return 0
    directive="\${out##*:}"
    [[ $directive =~ ^[0-9]+$ ]] || return 0
    ((directive & 1)) && return 0
    ((directive & 2)) && compopt -o nospace

    local flag="" start="" value note
    [[ $current == -*=* ]] && flag="\${current%%=*}="
    if [[ $COMP_WORDBREAKS == *:* && $current == *:* ]]; then start="\${current%"\${current##*:}"}"; fi
    if [[ $COMP_WORDBREAKS == *=* && $current == *=* ]]; then
        word="\${current%"\${current##*=}"}"
        ((\${#word} > \${#start})) && start="$word"
    fi
    local -a notes=()
    COMPREPLY=()
    while IFS=$'\\t' read -r value note; do
        [[ "$flag$value" == "$current"* && -n $value ]] || continue
        value="$flag$value"
        value="\${value#"$start"}"
        # What is inserted is part of a command line: a name may hold what the shell would act on.
        if [[ $value == *[^[:alnum:]_.,:=/@%+*-]* ]]; then
            [[ \${COMP_WORDS[COMP_CWORD]} == [\\"\\']* ]] && continue
            printf -v value %q "$value"
        fi
        COMPREPLY+=("$value")
        notes+=("$note")
    done <<<"\${out%:*}"

    if [[ \${#COMPREPLY[@]} -eq 0 && $((directive & 4)) -eq 0 ]]; then
        compopt -o filenames
        local kind=-f part="\${current#"$flag"}"
        ((directive & 16)) && kind=-d
        while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen "$kind" -- "$part")
        return 0
    fi
    # Only listed, never inserted: 63 is the second <tab>.
    if [[ $COMP_TYPE -eq 63 && \${#COMPREPLY[@]} -gt 1 ]]; then
        local width=0 room
        for value in "\${COMPREPLY[@]}"; do ((\${#value} > width)) && width=\${#value}; done
        room=$((\${COLUMNS:-80} - width - 5))
        for ((i = 0; i < \${#COMPREPLY[@]}; i++)); do
            [[ -n \${notes[i]} && room -gt 10 ]] || continue
            printf -v "COMPREPLY[i]" "%-\${width}s  (%s)" "\${COMPREPLY[i]}" "\${notes[i]:0:room}"
        done
    fi
}

complete -F __fairlead_complete_${program} ${program}
`;

const zsh = (program: string) => `#compdef ${program}
# zsh completion for ${program}: source <(fairlead completion zsh ${program}), or a file _${program} in a folder of $fpath

__fairlead_complete_${program}() {
    local current="\${(Q)PREFIX}" line directive value note
    local -a before lines found options
    (( CURRENT > 2 )) && before=("\${(@Q)words[2,CURRENT-1]}")
    lines=("\${(@f)$("\${(Q)words[1]/#\\~/$HOME}" __complete "\${before[@]}" "$current" 2>/dev/null)}")
    directive="\${lines[-1]#:}"
    [[ \${lines[-1]} == :<-> ]] || return 1
    (( directive & 1 )) && return 1
    lines=("\${(@)lines[1,-2]}")
    (( directive & 2 )) && options+=(-S '')
    [[ $current == -*=* ]] && compset -P 1 '*='

    for line in "\${lines[@]}"; do
        value="\${line%%$'\\t'*}" note="\${line#*$'\\t'}"
        [[ -n $value ]] || continue
        if [[ $line == *$'\\t'* ]]; then
            found+=("\${value//:/\\\\:}:$note")
        else
            found+=("\${value//:/\\\\:}")
        fi
    done
    if (( \${#found} )); then
        _describe -V -t values '${program}' found "\${options[@]}"
    elif (( directive & 16 )); then
        _files -/
    elif (( ! (directive & 4) )); then
        _files
    else
        return 1
    fi
}

if [[ \${funcstack[1]} == _${program} ]]; then
    __fairlead_complete_${program} "$@"
else
    compdef __fairlead_complete_${program} ${program}
fi
`;

const fish = (
  program: string,
) => `# fish completion for ${program}: fairlead completion fish ${program} | source

function __fairlead_complete_${program}
    set -l before (commandline -opc)
    set -l current (commandline -ct | string collect)
    set -l run (string replace -r '^~/' "$HOME/" -- $before[1])
    set -e before[1]
    set -l lines ($run __complete $before "$current" 2>/dev/null)
    string match -qr '^:\\d+$' -- "$lines[-1]"; or return
    set -l directive (string sub -s 2 -- $lines[-1])
    set -e lines[-1]
    test (math "bitand($directive, 1)") -eq 0; or return
    set -l flag (string match -r -- '^-[^=]*=' "$current")
    set -l part (string sub -s (math 1 + (string length -- "$flag")) -- "$current")
    if test (count $lines) -eq 0
        if test (math "bitand($directive, 16)") -ne 0
            set lines (__fish_complete_directories "$part" '')
        else if test (math "bitand($directive, 4)") -eq 0
            set lines (__fish_complete_path "$part" '')
        end
    end
    for line in $lines
        echo "$flag$line"
    end
end

complete -c ${program} -e
complete -k -c ${program} -f -a '(__fairlead_complete_${program})'
`;
