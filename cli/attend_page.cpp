#include "cli/attend_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "cli/json_object.h"
#include "cli/page.h"

namespace weft::cli {
namespace {

constexpr std::string_view kStyle = R"(
body { max-width: 1800px; }
main { display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start; }
.text { max-height: 6em; overflow: auto; color: var(--text); overflow-wrap: anywhere; }
#heads { flex: 1 1 auto; box-sizing: border-box; } #large { flex: 1000 1 420px; box-sizing: border-box; }
#grid { display: grid; gap: 3px; justify-content: start; font-size: 11px; color: var(--soft); }
#grid span { align-self: center; text-align: center; padding: 0 4px; }
#grid button { padding: 0; line-height: 0; border: 0; border-radius: 3px; background: none; }
#grid canvas { width: 100%; aspect-ratio: 1; border-radius: 3px; }
#grid button[aria-pressed=true] { outline: 2px solid var(--series-2); outline-offset: 1px; }
#scroll { overflow: auto; padding: 2px; }
#plot { position: relative; outline-offset: -2px; }
#plot canvas, #plot svg { position: absolute; } #plot svg { left: 0; top: 0; overflow: visible; }
#plot canvas, .crisp { image-rendering: pixelated; }
#plot text { fill: var(--soft); } #plot text.on { fill: var(--series-2); font-weight: 700; }
#plot text.value { pointer-events: none; text-anchor: middle; font-size: 11px; }
#plot rect { fill: none; stroke: var(--series-2); pointer-events: none; }
#tip { position: absolute; z-index: 1; pointer-events: none; white-space: nowrap; padding: 4px 9px;
  border-radius: 6px; background: var(--text); color: var(--paper); font-size: 13px; }
#tip b { display: block; font-size: 15px; }
#said { min-height: 1.5em; } #said b { color: var(--text); }
#legend { display: flex; flex-wrap: wrap; gap: 6px 20px; align-items: center; margin: 12px 0;
  font-size: 13px; color: var(--soft); }
#scale { width: 220px; } #scale div { display: flex; justify-content: space-between; }
#scale i { display: block; height: 10px; border-radius: 3px;
  background: linear-gradient(to right, var(--cold), var(--hot)); }
)";

constexpr std::string_view kBody = R"(
<main><section id="heads"><h2>Layers and heads</h2>
<p>A row of maps per layer, a column per head. Click on one to see it large; arrow keys move on.</p>
<div id="grid" role="group" aria-label="layers and heads"></div></section>
<section id="large"><h2 id="name"></h2><p id="said" aria-live="polite"></p>
<div id="legend"><div id="scale"><i></i><div><span>0</span><span></span><span></span></div></div>
<button id="range" type="button"></button></div>
<div id="scroll"><div id="plot" tabindex="0" role="application" aria-label="attention weights">
<canvas></canvas><svg></svg><div id="tip" hidden></div></div></div>
<p>A row is a token that looks, a column one that it looks at; the weights of a row add up to 1.
Colours go by the square root of the weight. Weights are kept in steps of 1/65535 and shown to four
decimals. Point at a cell for its weight, or move with the arrow keys.</p></section></main>
<noscript><p>This page draws its maps with JavaScript, which is switched off.</p></noscript>
)";

constexpr std::size_t kShownBytes = 4000;  // of the text

/// Two bytes of each weight, the low one first, in base64.
std::string packed(std::span<const float> weights) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve(weights.size() * 8 / 3 + 4);
  std::uint32_t bits = 0;
  int bytes = 0;
  const auto put = [&](std::uint32_t byte) {
    bits = (bits << 8) | byte;
    if (++bytes < 3) return;
    for (int shift = 18; shift >= 0; shift -= 6) out += kDigits[(bits >> shift) & 63];
    bits = 0;
    bytes = 0;
  };
  for (const float weight : weights) {
    const auto step =
        static_cast<std::uint32_t>(std::lround(65535 * std::clamp(weight, 0.0f, 1.0f)));
    put(step & 255);
    put(step >> 8);
  }
  const int rest = bytes;
  if (rest > 0) {
    for (int i = rest; i < 3; ++i) put(0);
    out.replace(out.size() - static_cast<std::size_t>(3 - rest), std::string::npos,
                static_cast<std::size_t>(3 - rest), '=');
  }
  return out;
}

std::vector<std::string> labels(const std::vector<std::string>& tokens) {
  std::vector<std::string> shown;
  for (const std::string& token : tokens) shown.push_back(visible_token(token));
  return shown;
}

/// JSON that may stand inside a script element: no text in it can end the element.
std::string embedded(const std::string& json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    switch (c) {
      case '<': out += "\\u003c"; break;
      case '>': out += "\\u003e"; break;
      case '&': out += "\\u0026"; break;
      default: out += c;
    }
  }
  return out;
}

std::string beginning(const std::string& text) {
  if (text.size() <= kShownBytes) return visible_text(text);
  std::size_t end = kShownBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return visible_text(text.substr(0, end)) + " ...";
}

}  // namespace

std::string attend_page(const AttendPage& page) {
  const AttentionMaps& maps = page.maps;
  std::string html = page_begin("weft attend: " + visible_text(page.model), kStyle);
  const std::string tokens =
      maps.queries == maps.keys
          ? fmt::format("{} tokens", maps.keys.size())
          : fmt::format("{} tokens look at {}", maps.queries.size(), maps.keys.size());
  html += fmt::format("<p>{}; {} layers of {} heads, {}</p>\n<p class=\"text\">{}</p>",
                      html_escape(page.note), maps.layers, maps.heads, tokens,
                      html_escape(beginning(page.text)));
  html += kBody;
  const std::string data = JsonObject()
                               .add("layers", maps.layers)
                               .add("heads", maps.heads)
                               .add("queries", labels(maps.queries))
                               .add("keys", labels(maps.keys))
                               .add("layer", page.layer)
                               .add("head", page.head)
                               .add("weights", packed(maps.weights))
                               .text();
  html += fmt::format("<script type=\"application/json\" id=\"data\">{}</script>\n<script>",
                      embedded(data));
  html += kAttendScript;
  return html + "</script>\n" + page_end();
}

}  // namespace weft::cli
