#include "cli/text_input.h"

#include "cli/json_lines.h"

namespace weft::cli {

bool TextInput::next(std::string& text) {
  if (!reader_) {
    if (next_ == texts_.size()) return false;
    text = std::move(texts_[next_++]);
    return true;
  }
  if (format_ == TextFormat::kLines) return reader_->next(text);
  if (!reader_->next(line_)) return false;
  text = parse_text_line(line_, reader_->place());
  return true;
}

std::optional<double> TextInput::share_read() const {
  if (!reader_) return static_cast<double>(next_) / static_cast<double>(texts_.size());
  if (reader_->bytes_in_all() == 0) return std::nullopt;
  return static_cast<double>(reader_->bytes_read()) / static_cast<double>(reader_->bytes_in_all());
}

}  // namespace weft::cli
