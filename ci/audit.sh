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

# wrong TEXT: ends the job with what is wrong and what to do.
wrong() {
    printf 'error: %s\n' "$1" >&2
    exit 2
}

# list_targets: a configuration of every URL with its identities, and one that lists them all.
list_targets() {
    local folder="$output/targets" number=0 used=0 given=0 line url name source
    if [ -n "${ASSAY_CONFIG:-}" ]; then
        wrong "url: several, beside a config; list them there as [[target]], each with its identities"
    fi
    rm -rf "$folder"
    mkdir -p "$folder"
    ASSAY_CONFIG="$folder/all.toml"
    for url in "${words[@]}"; do
        if [[ "$url" == *[\"\\]* ]]; then
            wrong "url: $url is not a URL"
        fi
        number=$((number + 1))
        printf '[[target]]\nconfig = "%s.toml"\n' "$number" >> "$ASSAY_CONFIG"
        printf '[target]\nurl = "%s"\n' "$url" > "$folder/$number.toml"
        given=0
        while read -r name source line; do
            if [ -z "$name" ]; then
                continue
            fi
            given=$((given + 1))
            if ! [[ -z "$line" && "$source" =~ ^[A-Za-z0-9._-]+=(env|file):[^\"\\]+$ ]]; then
                wrong "identities: entry $given (\`${name%%=*}\`): with ${#words[@]} URLs write \`URL NAME=env:VARIABLE\`, the URL that the token was issued for first"
            fi
            if [ "$name" = "$url" ]; then
                used=$((used + 1))
                printf '[[identity]]\nname = "%s"\ntoken = "%s"\n' \
                    "${source%%=*}" "${source#*=}" >> "$folder/$number.toml"
            fi
        done <<< "${ASSAY_IDENTITIES//$'\r'/}"
    done
    if [ "$used" -ne "$given" ]; then
        wrong "identities: $((given - used)) of $given begin with a URL that \`url\` does not name"
    fi
}

# A token goes to the server that it was issued for and to no other: with several URLs each line of
# `identities` begins with its URL, and each target gets a configuration of its own.
per_target=false
if [ "${#words[@]}" -gt 1 ] && [[ "${ASSAY_IDENTITIES:-}" == *[![:space:]]* ]]; then
    per_target=true
    list_targets
fi

add --config "${ASSAY_CONFIG:-}"
if [ "$per_target" = false ]; then
    each --identity "${ASSAY_IDENTITIES:-}"
fi
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
if [ "${#words[@]}" -gt 0 ] && [ "$per_target" = false ]; then
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
