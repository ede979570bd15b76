#include "linux/netlink_message.hpp"

#include <netlink/attr.h>

#include <string>

namespace bayplan::kernel {

Message::Message(int type, int flags) : message_(nlmsg_alloc_simple(type, flags)) {
}

Message& Message::append(const void* data, std::size_t size) {
  if (message_) note(nlmsg_append(message_.get(), const_cast<void*>(data), size, NLMSG_ALIGNTO));
  return *this;
}

Message& Message::put(int attribute, std::span<const std::uint8_t> bytes) {
  if (message_) note(nla_put(message_.get(), attribute, static_cast<int>(bytes.size()), bytes.data()));
  return *this;
}

Message& Message::put(int attribute, std::string_view text) {
  if (message_) note(nla_put_string(message_.get(), attribute, std::string(text).c_str()));
  return *this;
}

Message& Message::put_u8(int attribute, std::uint8_t value) {
  if (message_) note(nla_put_u8(message_.get(), attribute, value));
  return *this;
}

Message& Message::put_u16(int attribute, std::uint16_t value) {
  if (message_) note(nla_put_u16(message_.get(), attribute, value));
  return *this;
}

Message& Message::put_u32(int attribute, std::uint32_t value) {
  if (message_) note(nla_put_u32(message_.get(), attribute, value));
  return *this;
}

nlattr* Message::open(int attribute) {
  nlattr* start = message_ ? nla_nest_start(message_.get(), attribute) : nullptr;
  overflowed_ = overflowed_ || start == nullptr;
  return start;
}

Message& Message::close(nlattr* start) {
  if (start != nullptr) note(nla_nest_end(message_.get(), start));
  return *this;
}

int error_number(const nlmsghdr* message) {
  const auto size = static_cast<std::size_t>(nlmsg_datalen(message));
  if (message->nlmsg_type == NLMSG_ERROR && size >= sizeof(nlmsgerr)) {
    return -static_cast<const nlmsgerr*>(nlmsg_data(message))->error;
  }
  const bool is_done = message->nlmsg_type == NLMSG_DONE && size >= sizeof(int);
  const int number = is_done ? -*static_cast<const int*>(nlmsg_data(message)) : 0;
  return number > 0 ? number : 0;
}

}  // namespace bayplan::kernel
