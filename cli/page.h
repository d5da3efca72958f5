// What the program's pages of HTML have in common. A page is one file that loads nothing, light or
// dark as the reader's system says or the reader chooses.
#pragma once

#include <string>
#include <string_view>

namespace weft::cli {

/// `text` with &, <, > and quotes as entities: for HTML and XML, in text and in attributes.
std::string html_escape(std::string_view text);

/// `text` with what would not be seen, would reorder what stands around it or is forbidden in XML
/// (controls, direction marks, separators, zero-width characters) as \n, \t, \u{200e}; what is no
/// UTF-8 becomes U+FFFD.
std::string visible_text(std::string_view text);
/// The same with each space as an open box: a token of spaces is seen.
std::string visible_token(std::string_view token);

/// From the doctype to the body's first line: a heading with `title`, which is text, and a button
/// for light and dark. `style` comes behind the common one, whose colours are --paper, --card,
/// --text, --soft, --grid, --series-1 to --series-6, and for heat maps --cold and --hot. The window
/// gets an event "themechange" when the reader chooses.
std::string page_begin(std::string_view title, std::string_view style);
std::string page_end();

}  // namespace weft::cli
