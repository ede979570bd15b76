#include "store/sqlite/lists.hpp"
#include "store/sqlite/tables.hpp"

namespace bayplan::store {
namespace {

void write_key(RowWriter& row, const model::Record& record) {
  const auto& attachment = std::get<model::Attachment>(record);
  row.text(attachment.network);
  row.address(attachment.address);
}

void write_values(RowWriter& row, const model::Record& record) {
  const auto& attachment = std::get<model::Attachment>(record);
  row.text(to_string(attachment.stage));
  row.flag(attachment.asked);
  row.text(attachment.engine_network);
  row.text(attachment.endpoint);
  row.text(attachment.sandbox);
  row.text(attachment.identity);
  row.text(attachment.container_id);
  row.flag(attachment.verified);
  row.made_text(write_ports(attachment.published));
  row.time(attachment.since);
}

model::Record read(RowReader& row) {
  model::Attachment attachment;
  attachment.network = row.text();
  attachment.address = row.address();
  attachment.stage = row.parsed(model::parse_attachment_stage);
  attachment.asked = row.flag();
  attachment.engine_network = row.text();
  attachment.endpoint = row.text();
  attachment.sandbox = row.text();
  attachment.identity = row.text();
  attachment.container_id = row.text();
  attachment.verified = row.flag();
  attachment.published = row.parsed(read_ports);
  attachment.since = row.time();
  return attachment;
}

void write_mark_key(RowWriter& row, const model::Record& record) {
  const auto& mark = std::get<model::AttachMark>(record);
  row.text(mark.network);
  row.text(mark.identity);
}

void write_mark(RowWriter& row, const model::Record& record) {
  const auto& mark = std::get<model::AttachMark>(record);
  row.text(mark.target);
  row.text(mark.interface);
  row.flag(mark.default_route);
  row.text(mark.endpoint);
}

model::Record read_mark(RowReader& row) {
  model::AttachMark mark;
  mark.network = row.text();
  mark.identity = row.text();
  mark.target = row.text();
  mark.interface = row.text();
  mark.default_route = row.flag();
  mark.endpoint = row.text();
  return mark;
}

}  // namespace

const Table& attachment_table() {
  static const Table kTable{"attachments",
                            {"network", "address"},
                            {"stage", "asked", "engine_network", "endpoint", "sandbox", "identity", "container_id",
                             "verified", "published", "since"},
                            write_key,
                            write_values,
                            read};
  return kTable;
}

const Table& attach_mark_table() {
  static const Table kTable{"attach_marks",
                            {"network", "identity"},
                            {"target", "interface", "default_route", "endpoint"},
                            write_mark_key,
                            write_mark,
                            read_mark};
  return kTable;
}

}  // namespace bayplan::store
