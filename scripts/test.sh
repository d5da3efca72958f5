#!/usr/bin/env bash
# Installs what is missing, builds weft and runs all of its tests, the real model's accuracy included.
#
#   scripts/test.sh            the release build, which users run
#   scripts/test.sh asan tsan  other presets of CMakePresets.json, in this order
#
# The accuracy check of the real model needs one download; where that is impossible ctest reports the
# check as skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
presets=("$@")
[ ${#presets[@]} -gt 0 ] || presets=(release)

scripts/install_packages.sh
if ! scripts/fetch_model.sh; then
  echo "SKIPPED: the accuracy check of the real model (weft_minilm_tests): it could not be fetched"
fi

for preset in "${presets[@]}"; do
  cmake --preset "$preset" --log-level=WARNING
  cmake --build --preset "$preset" -- --quiet
  ctest --preset "$preset" -j "$(nproc)"
done
