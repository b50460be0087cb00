#!/usr/bin/env bash
# The step of action.yml: finds fwsim, and hands the inputs of the action to fwsim-review.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
if [ -n "${INPUT_FWSIM:-}" ]; then
  export FWSIM=$INPUT_FWSIM
elif command -v fwsim >/dev/null 2>&1; then
  export FWSIM=fwsim
elif [ -x node_modules/.bin/fwsim ]; then
  export FWSIM=$PWD/node_modules/.bin/fwsim
else
  # The action's own checkout, built when it is first used.
  if [ ! -f "$here/dist/cli.js" ]; then
    (cd "$here" && npm ci --no-audit --no-fund --silent && npm run --silent build) ||
      { echo '::error::fwsim could not be built'; exit 2; }
  fi
  export FWSIM="$here/dist/cli.js"
fi

lines() { while IFS= read -r line; do [ -n "${line// /}" ] && printf '%s\0' "$line"; done <<<"$1"; }
arguments=()
base=${INPUT_BASE:-}
[ -n "$base" ] && arguments+=(--base "$base")
while IFS= read -r -d '' file; do arguments+=(--with "$file"); done < <(lines "${INPUT_CONTEXT:-}")
while IFS= read -r -d '' file; do arguments+=(--policies "$file"); done < <(lines "${INPUT_POLICIES:-}")
rules=()
while IFS= read -r -d '' file; do rules+=("$file"); done < <(lines "${INPUT_RULES:-}")
[ ${#rules[@]} -gt 0 ] || { echo '::error::the input "rules" names no file'; exit 2; }
if [ -n "$base" ] && ! git cat-file -e "$base^{commit}" 2>/dev/null; then
  git fetch --quiet --depth=1 origin "$base" ||
    echo "::warning::the commit $base is not here: all rules are taken for new (actions/checkout with fetch-depth: 0 helps)"
fi

report=${RUNNER_TEMP:-/tmp}/fwsim-review.md
: >"$report"
"$here/share/review/fwsim-review" "${arguments[@]}" --report "$report" --format github \
  --fail-on "${INPUT_FAIL_ON:-warning}" -- "${rules[@]}"
status=$?

[ -n "${GITHUB_STEP_SUMMARY:-}" ] && cat "$report" >>"$GITHUB_STEP_SUMMARY"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  echo "report=$report" >>"$GITHUB_OUTPUT"
  echo "status=$status" >>"$GITHUB_OUTPUT"
fi
exit $status
