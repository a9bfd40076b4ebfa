# Fish completion for repro-audit: commands and options are read from its own --help, ids from its database.
function __repro_audit_section
    set -l heading $argv[1]
    set -l inside no
    env COLUMNS=400 $argv[2..-1] --help 2>/dev/null | while read -l line
        if test "$line" = "$heading:"
            set inside yes
        else if test -z "$line"
            set inside no
        else if test $inside = yes
            string match -rg '^\s*(\S+)' -- $line | string split ,
        end
    end
end

function __repro_audit_words
    set -l words (commandline -opc)
    set -l command $words[1]
    for word in $words[2..-1]
        if contains -- $word (__repro_audit_section Subcommands $command)
            set command $command $word
        end
    end
    if string match -q -- '-*' (commandline -ct)
        __repro_audit_section Options $command
    else
        __repro_audit_section Subcommands $command
        if contains -- "$command[2]" show report trend export compare; or test "$command[2..]" = "evidence create"
            echo latest
            $words[1] list 2>/dev/null | string match -r '^\S+'
        end
    end
end
complete -c repro-audit -a '(__repro_audit_words)'
