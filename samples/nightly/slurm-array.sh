#!/bin/bash
# sbatch samples/nightly/slurm-array.sh: a task a prompt, each with a database of its own, because a database has one
# writer. Two minutes before its time is over a task is told to stop after its trial; `sbatch` again goes on with it.
#SBATCH --job-name=repro-audit
#SBATCH --array=0-2
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=16
#SBATCH --time=02:00:00
#SBATCH --signal=TERM@120
#SBATCH --output=repro-audit-%A-%a.log
set -u
# shellcheck disable=SC2206  # words are split on purpose
prompts=(${AUDIT_PROMPTS:-prompts/*.txt})
task=${SLURM_ARRAY_TASK_ID:?submit it with sbatch}
prompt=${prompts[$task]:-}
if [ -z "$prompt" ]; then
  echo "no prompt for task $task: there are ${#prompts[@]}"
  exit 0
fi
name=$(basename "$prompt" .txt)
export AUDIT_DATABASE=$PWD/repro-audit/$name.sqlite
mkdir -p repro-audit

# One that a time limit stopped goes on.
options=(--prompt "$prompt" --threads "${SLURM_CPUS_PER_TASK:-1}")
if [ -e "$AUDIT_DATABASE" ] && repro-audit list --db "$AUDIT_DATABASE" | tail -n 1 | grep -qv '  complete  '; then
  options=(--resume latest)
fi
srun samples/nightly/audit "repro-audit/$name" "${options[@]}"
