#include "cli/page.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <utility>

namespace weft::cli {
namespace {

constexpr std::string_view kLight = R"(color-scheme: light; --paper: #ffffff; --card: #f6f7f9;
  --text: #1d2330; --soft: #5b6475; --grid: #d9dde4; --series-1: #2563c9; --series-2: #c2570c;
  --series-3: #16803c; --series-4: #8b3fc4; --series-5: #b01e52; --series-6: #0f7d8c;
  --cold: #eef1f6; --hot: #08306b;)";
constexpr std::string_view kDark = R"(color-scheme: dark; --paper: #12151b; --card: #1b2029;
  --text: #e8eaef; --soft: #9aa4b5; --grid: #343c49; --series-1: #6ea3f7; --series-2: #f19a52;
  --series-3: #5ec97f; --series-4: #c08af0; --series-5: #f2789f; --series-6: #56c5d4;
  --cold: #10141b; --hot: #b8d8ff;)";

constexpr std::string_view kStyle = R"(
body { margin: 0 auto; max-width: 1400px; padding: 24px; background: var(--paper);
  color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 24px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 16px; margin: 0 0 8px; }
p { margin: 4px 0 10px; color: var(--soft); }
section { background: var(--card); border-radius: 10px; padding: 16px 18px; min-width: 0; }
header { display: flex; gap: 16px; justify-content: space-between; align-items: flex-start; }
button { font: inherit; color: var(--text); background: var(--card); border-radius: 6px;
  border: 1px solid var(--grid); padding: 3px 10px; cursor: pointer; }
header button { flex: none; font-size: 13px; }
:focus-visible { outline: 2px solid var(--series-1); outline-offset: 2px; }
)";

constexpr std::string_view kThemeScript = R"(<script>
document.getElementById('theme').onclick = () => {
  const root = document.documentElement;
  const now = root.dataset.theme ||
      (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  root.dataset.theme = now === 'dark' ? 'light' : 'dark';
  dispatchEvent(new Event('themechange'));
};
</script>
)";

/// The code point at the beginning and its bytes; {U+FFFD, bytes to skip} if there is none.
std::pair<char32_t, std::size_t> first_code_point(std::string_view text) {
  constexpr char32_t kReplacement = 0xFFFD;
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return {kReplacement, 1};
  char32_t point = lead & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if (i == text.size() || (byte(i) & 0xC0) != 0x80) return {kReplacement, i};
    point = (point << 6) | (byte(i) & 0x3Fu);
  }
  const bool surrogate = point >= 0xD800 && point < 0xE000;
  if (point < kSmallest[size] || point > 0x10FFFF || surrogate) return {kReplacement, size};
  return {point, size};
}

bool is_invisible(char32_t point) {
  constexpr std::array<std::pair<char32_t, char32_t>, 13> kRanges{{
      {0x00, 0x1F},
      {0x7F, 0x9F},
      {0xAD, 0xAD},
      {0x61C, 0x61C},
      {0x180E, 0x180E},
      {0x200B, 0x200F},
      {0x2028, 0x202E},
      {0x2060, 0x206F},
      {0xFDD0, 0xFDEF},
      {0xFEFF, 0xFEFF},
      {0xFFF9, 0xFFFB},
      {0xFFFE, 0xFFFF},
      {0xE0000, 0xE0FFF},
  }};
  for (const auto& [first, last] : kRanges) {
    if (point >= first && point <= last) return true;
  }
  return (point & 0xFFFE) == 0xFFFE;  // noncharacters of every plane
}

}  // namespace

std::string html_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string visible_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto [point, size] = first_code_point(text);
    if (point == '\n') {
      out += "\\n";
    } else if (point == '\t') {
      out += "\\t";
    } else if (point == '\r') {
      out += "\\r";
    } else if (is_invisible(point)) {
      out += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(point));
    } else if (point == 0xFFFD) {
      out += "\xEF\xBF\xBD";
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  return out;
}

std::string visible_token(std::string_view token) {
  std::string out;
  for (const char c : visible_text(token)) {
    if (c == ' ') {
      out += "\xE2\x90\xA3";  // U+2423
    } else {
      out += c;
    }
  }
  return out;
}

std::string page_begin(std::string_view title, std::string_view style) {
  std::string html = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; )"
                     R"(script-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
)";
  html += fmt::format("<title>{}</title><style>\n:root {{ {} }}\n", html_escape(title), kLight);
  html += fmt::format("@media (prefers-color-scheme: dark) {{ :root {{ {} }} }}\n", kDark);
  html += fmt::format(":root[data-theme=light] {{ {} }}\n:root[data-theme=dark] {{ {} }}{}{}",
                      kLight, kDark, kStyle, style);
  html += fmt::format(
      "</style></head><body>\n<header><h1>{}</h1><button id=\"theme\" type=\"button\">light / "
      "dark</button></header>\n",
      html_escape(title));
  html += kThemeScript;
  return html;
}

std::string page_end() { return "</body></html>\n"; }

}  // namespace weft::cli
