#!/usr/bin/env bash
# Shows what weft does: builds it, fetches all-MiniLM-L6-v2, embeds some two hundred sentences and
# finds the nearest ones to a few questions.
set -euo pipefail
cd "$(dirname "$0")/.."

bold= plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' plain=$'\e[0m'
fi
say() { printf '%s%s%s\n' "$bold" "$*" "$plain"; }

scripts/install_packages.sh
say "Building weft (release)"
cmake --preset release --log-level=WARNING
cmake --build --preset release --target weft_cli weft_nearest -- --quiet
scripts/fetch_model.sh

weft=build/release/weft
model=models/all-MiniLM-L6-v2
sentences=data/demo_sentences.txt
out=build/demo
mkdir -p "$out"
count=$(wc -l <"$sentences")

say "Embedding the $count sentences of $sentences"
"$weft" embed "$model" --input "$sentences" --output "$out/sentences.safetensors"

say "The nearest sentences to a few questions, with their cosines"
build/release/weft_nearest "$model" "$sentences" "$out/sentences.safetensors" \
  "a cat having a nap" \
  "I can't get into my account" \
  "planets and their moons" \
  "money and the price of borrowing it" \
  "how is cloth made?"

say "The model as weft runs it, and its speed on this machine"
"$weft" info "$model"
"$weft" bench "$model"

say "Try next"
cat <<END
  $weft embed $model "any text" "another one"      vectors as JSON lines
  $weft embed $model --input texts.txt --output vectors.npy
  $weft tokenize $model <<< '"any text"'           ids and offsets
  $weft bench $model --profile                     where the time goes, op by op
  $weft --help
  examples/nearest.cpp                             the program that found the sentences above
END
