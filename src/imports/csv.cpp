#include "imports/csv.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "imports/texts.hpp"
#include "model/names.hpp"

namespace bayplan::imports {
namespace {

std::string line_key(std::size_t line) {
  return fmt::format("line {}", line);
}

class Reader {
 public:
  Reader(std::string_view text, std::vector<BrokenRecord>& broken) : text_(text), broken_(broken) {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
  }

  std::vector<CsvRow> rows() {
    std::vector<CsvRow> out;
    while (at_ < text_.size()) {
      CsvRow row{line_, {}};
      const auto problem = read_row(row);
      if (!problem.empty()) {
        broken_.push_back({line_key(row.line), problem});
      } else if (row.cells.size() > 1 || !row.cells.front().empty()) {
        out.push_back(std::move(row));
      }
    }
    return out;
  }

 private:
  // One row and its line end; what is wrong with it, or nothing.
  std::string read_row(CsvRow& row) {
    while (true) {
      std::string cell;
      if (auto problem = at('"') ? read_quoted(cell) : read_plain(cell); !problem.empty()) {
        skip_line();
        return problem;
      }
      row.cells.push_back(std::move(cell));
      if (!at(',')) break;
      ++at_;
    }
    skip_line();
    return {};
  }

  std::string read_plain(std::string& cell) {
    while (!at(',') && !at_line_end()) {
      if (text_[at_] == '"')
        return "a quote stands in the middle of a cell: quote the whole cell, and double the quote";
      cell += text_[at_++];
    }
    return {};
  }

  std::string read_quoted(std::string& cell) {
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '\n') ++line_;
      if (c == '"' && !at('"')) {
        return at(',') || at_line_end() ? "" : "something stands between a closing quote and the comma";
      }
      if (c == '"') ++at_;
      cell += c;
    }
    return "a quote is never closed";
  }

  [[nodiscard]] bool at(char c) const { return at_ < text_.size() && text_[at_] == c; }
  [[nodiscard]] bool at_line_end() const {
    return at_ >= text_.size() || at('\n') || text_.substr(at_).starts_with("\r\n");
  }
  void skip_line() {
    const auto end = text_.find('\n', at_);
    at_ = end == std::string_view::npos ? text_.size() : end + 1;
    ++line_;
  }

  std::string_view text_;
  std::vector<BrokenRecord>& broken_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

bool is_header(const CsvRow& row) {
  const auto lower = [](std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
    return text;
  };
  constexpr std::array<std::string_view, 4> kNames{"network", "identity", "address", "mac"};
  if (row.cells.size() < 3 || row.cells.size() > kNames.size()) return false;
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    if (lower(std::string(trimmed(row.cells[i]))) != kNames.at(i)) return false;
  }
  return true;
}

Result<ReservationRecord> read_reservation(const CsvRow& row) {
  if (row.cells.size() != 3 && row.cells.size() != 4) {
    return fail(ErrorCode::invalid, "it has {} cells, not network, identity, address and mac", row.cells.size());
  }
  ReservationRecord out;
  out.key = line_key(row.line);
  out.network = TRY(model::parse_network_name(trimmed(row.cells[0])));
  out.identity = TRY(model::parse_identity(trimmed(row.cells[1]), true));
  TRY(read_address(row.cells[2], out));
  const auto mac = row.cells.size() == 4 ? trimmed(row.cells[3]) : std::string_view();
  if (!mac.empty()) out.mac = TRY(model::MacAddress::parse(mac));
  return out;
}

}  // namespace

std::vector<CsvRow> parse_csv(std::string_view text, std::vector<BrokenRecord>& broken) {
  return Reader(text, broken).rows();
}

Records read_csv(std::string_view text) {
  Records records;
  bool first = true;
  for (const CsvRow& row : parse_csv(text, records.broken)) {
    const bool header = first && is_header(row);
    first = false;
    if (header) continue;
    auto read = read_reservation(row);
    if (read) {
      records.reservations.push_back(std::move(read).value());
    } else {
      records.broken.push_back({line_key(row.line), read.error().message()});
    }
  }
  return records;
}

}  // namespace bayplan::imports
