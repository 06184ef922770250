#!/usr/bin/env bash
# Installs mcp-assay for the steps that follow: from a release archive, else from source.
#
# ASSAY_SOURCE          folder of the source
# ASSAY_ARCHIVE         path or https address of an archive that holds the program
# ASSAY_ARCHIVE_SHA256  its SHA-256
set -euo pipefail

root="${ASSAY_ROOT:-${RUNNER_TEMP:-${TMPDIR:-/tmp}}/mcp-assay}"
mkdir -p "$root/bin"

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 2
}

if [ -n "${ASSAY_ARCHIVE:-}" ]; then
    archive="$ASSAY_ARCHIVE"
    case "$archive" in
        https://*)
            [ -n "${ASSAY_ARCHIVE_SHA256:-}" ] ||
                fail "archive-sha256: missing for $archive; give the SHA-256 that was published with it"
            archive="$root/archive.tar.gz"
            curl --fail --silent --show-error --location --proto '=https' --output "$archive" "$ASSAY_ARCHIVE"
            ;;
        *)
            [ -f "$archive" ] || fail "archive: \`$archive\` is no file; name one, or an https address"
            ;;
    esac
    if [ -n "${ASSAY_ARCHIVE_SHA256:-}" ]; then
        printf '%s  %s\n' "$ASSAY_ARCHIVE_SHA256" "$archive" | sha256sum --check --status ||
            fail "archive-sha256: $ASSAY_ARCHIVE is another file; nothing was installed"
    fi
    # The program alone, whatever else is in there and however deep.
    member="$(tar -tzf "$archive" | grep -E '(^|/)mcp-assay$' | head -n 1)" ||
        fail "archive: there is no \`mcp-assay\` in $ASSAY_ARCHIVE"
    tar -xzOf "$archive" "$member" > "$root/bin/mcp-assay"
    chmod 755 "$root/bin/mcp-assay"
else
    source="${ASSAY_SOURCE:?names the folder of the source}"
    cargo install --locked --quiet --path "$source" --root "$root"
fi

"$root/bin/mcp-assay" --version
if [ -n "${GITHUB_PATH:-}" ]; then
    printf '%s\n' "$root/bin" >> "$GITHUB_PATH"
fi
