"""`completion`: scripts that let a shell ask this program what may come next."""

from fluvial.cli.command import Command, Group
from fluvial.cli.session import Session

# Each script asks `PROGRAM __complete WORD…` and gets a candidate a line: word, tab, description.

_BASH = """# bash completion for {name}
_{ident}_complete() {{
    local IFS=$'\\n'
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("${{line%%$'\\t'*}}")
    done < <("${{COMP_WORDS[0]}}" __complete "${{COMP_WORDS[@]:1:COMP_CWORD}}" 2>/dev/null)
}}
complete -o default -F _{ident}_complete {name}
"""

_ZSH = """#compdef {name}
_{ident}() {{
    local -a candidates
    local line word text
    while IFS= read -r line; do
        word="${{line%%$'\\t'*}}"
        text="${{line#*$'\\t'}}"
        candidates+=("${{word//:/\\\\:}}:$text")
    done < <("${{words[1]}}" __complete "${{(@)words[2,CURRENT]}}" 2>/dev/null)
    _describe '{name}' candidates
}}
compdef _{ident} {name}
"""

_FISH = """# fish completion for {name}
function __{ident}_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c {name} -f -a '(__{ident}_complete)'
"""

_POWERSHELL = """# powershell completion for {name}
Register-ArgumentCompleter -Native -CommandName '{name}' -ScriptBlock {{
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | ForEach-Object {{ "$_" }})
    $rest = @($words | Select-Object -Skip 1)
    if ($wordToComplete -eq '') {{ $rest += "" }}
    & $words[0] __complete @rest 2>$null | ForEach-Object {{
        $word, $text = $_ -split "`t", 2
        if (-not $text) {{ $text = $word }}
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $text)
    }}
}}
"""

_SHELLS = {
    "bash": (_BASH, "{name} completion bash > ~/.local/share/bash-completion/completions/{name}"),
    "fish": (_FISH, "{name} completion fish > ~/.config/fish/completions/{name}.fish"),
    "powershell": (_POWERSHELL, "{name} completion powershell >> $PROFILE"),
    "zsh": (_ZSH, '{name} completion zsh > "${{fpath[1]}}/_{name}"'),
}


def script(shell: str, program: str) -> str:
    """Return the completion script of `shell` for a command named `program`."""
    return _SHELLS[shell][0].format(name=program, ident=program.replace("-", "_").replace(".", "_"))


def _make(shell: str) -> Command:
    def run(session: Session, arguments: tuple[str, ...]) -> int:
        session.print(script(shell, session.world.program), end="")
        return 0

    return Command(
        shell,
        f"Generates {shell} completion scripts",
        run,
        long=f"The completion sub-command generates completion scripts for {shell}.",
        example="\n  " + _SHELLS[shell][1].format(name="@") + "\n",
        max_args=0,
    )


command = Group(
    "completion",
    "Generates completion scripts for various shells",
    [_make(shell) for shell in _SHELLS],
    long="The completion sub-command generates completion scripts for various shells.",
)
