# Bash completion for repro-audit. Commands and options are read from its own --help, ids from its database, so that they
# are always those of the version and the audits at hand.

# The words that begin the lines of a section of a help text: _repro_audit_section HEADING COMMAND...
_repro_audit_section() {
  local heading=$1 line inside=
  shift
  while IFS= read -r line; do
    if [[ $line == "$heading:" ]]; then
      inside=yes
    elif [[ -z $line ]]; then
      inside=
    elif [[ $inside && $line =~ ^\ \ ([^\ ]+) ]]; then
      tr , '\n' <<<"${BASH_REMATCH[1]}"
    fi
  done < <(COLUMNS=400 "$@" --help 2>/dev/null)
}

_repro_audit_ids() {
  echo latest
  "$1" list 2>/dev/null | while read -r id _; do echo "$id"; done
}

_repro_audit() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]}
  local -a command=("$program")
  local commands word words=
  commands=$(_repro_audit_section Subcommands "${command[@]}")
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if grep -qxF -- "$word" <<<"$commands"; then
      command+=("$word")
      commands=$(_repro_audit_section Subcommands "${command[@]}")
    fi
  done

  case $previous in
    --policy) words="default nightly evidence" ;;
    --profile) words="quick default tml evidence" ;;
    --strata) words="rows chunk preempt all" ;;
    --logits) words="bf16 fp32" ;;
    --color) words="auto always never" ;;
    --kernels) words="standard invariant reference standard,invariant" ;;
    --device) words="auto $("$program" devices 2>/dev/null | grep -oE '^[a-z][a-z0-9:]*')" ;;
    --resume) words=$(_repro_audit_ids "$program") ;;
    *)
      if [[ $current == -* ]]; then
        words=$(_repro_audit_section Options "${command[@]}")
      elif [[ $commands ]]; then
        words=$commands
      elif [[ $previous != -* && (" show report trend export compare " == *" ${command[1]:-} "* ||
        ${command[*]:1} == "evidence create") ]]; then
        words=$(_repro_audit_ids "$program")
      fi
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
# Where it knows no word, a file is meant.
complete -o default -F _repro_audit repro-audit
