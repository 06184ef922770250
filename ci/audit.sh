#!/usr/bin/env bash
# Runs `mcp-assay audit` as the inputs say, writes every report a pipeline takes, fills the job summary,
# and hands the exit code on. Ends with 0 itself, so that reports are uploaded before the job fails.
set -euo pipefail

output="${ASSAY_OUTPUT:-mcp-assay-reports}"
mkdir -p "$output"

arguments=(audit --plain)
reports=(json sarif junit html markdown)
declare -A paths=(
    [json]="$output/report.json"
    [sarif]="$output/report.sarif"
    [junit]="$output/junit.xml"
    [html]="$output/report.html"
    [markdown]="$output/summary.md"
)
# A page holds one target: with several, each gets its own.
words=()
read -r -d '' -a words <<< "${ASSAY_URL:-}" || true
if [ "${#words[@]}" -gt 1 ] ||
    [[ "${ASSAY_ARGUMENTS:-}" == *--all-servers* ]] ||
    { [ -f "${ASSAY_CONFIG:-}" ] && grep -Eq '^[[:space:]]*\[\[[[:space:]]*target' "$ASSAY_CONFIG"; }; then
    paths[html]="$output/report-{target}.html"
    rm -f "$output"/report-*.html
fi
# What an earlier run left must not pass for this one's.
rm -f "${paths[@]}"

# add FLAG VALUE: nothing for an empty value.
add() {
    if [ -n "$2" ]; then
        arguments+=("$1" "$2")
    fi
}

# switch FLAG WORD: `true` sets it; anything but `true` and `false` is a mistake.
switch() {
    case "$2" in
        true) arguments+=("$1") ;;
        false | '') ;;
        *)
            printf 'error: %s: %s is neither true nor false\n' "${1#--}" "$2" >&2
            exit 2
            ;;
    esac
}

# each FLAG LINES: once for every line that is not empty.
each() {
    local line
    while IFS= read -r line; do
        line="${line%$'\r'}"
        if [ -n "$line" ]; then
            arguments+=("$1" "$line")
        fi
    done <<< "$2"
}

add --config "${ASSAY_CONFIG:-}"
each --identity "${ASSAY_IDENTITIES:-}"
each --allow "${ASSAY_ALLOW:-}"
add --baseline "${ASSAY_BASELINE:-}"
add --fail-on "${ASSAY_FAIL_ON:-}"
switch --strict "${ASSAY_STRICT:-false}"
switch --exit-zero "${ASSAY_EXIT_ZERO:-false}"
for format in "${reports[@]}"; do
    arguments+=(--report "$format=${paths[$format]}")
done
if [ "${ASSAY_ANNOTATIONS:-false}" = true ]; then
    arguments+=(--report github=-)
fi
while IFS= read -r line; do
    line="${line%$'\r'}"
    if [ -n "$line" ]; then
        arguments+=("$line")
    fi
done <<< "${ASSAY_ARGUMENTS:-}"
if [ "${#words[@]}" -gt 0 ]; then
    arguments+=(-- "${words[@]}")
fi

code=0
mcp-assay "${arguments[@]}" || code=$?

if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "${paths[markdown]}" ]; then
    cat "${paths[markdown]}" >> "$GITHUB_STEP_SUMMARY"
fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then
    {
        printf 'exit-code=%s\n' "$code"
        for format in json sarif; do
            # A path of the operator's own; a line break would start another output.
            if [ -f "${paths[$format]}" ]; then
                printf '%s=%s\n' "$format" "${paths[$format]//[$'\r\n']/}"
            fi
        done
    } >> "$GITHUB_OUTPUT"
    exit 0
fi
exit "$code"
