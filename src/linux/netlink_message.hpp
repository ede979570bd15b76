// A netlink request being built: RAII over libnl's nl_msg.
//
// A message holds one page, far more than any request of ours; should it overflow all the same, `complete()` says so
// and the socket refuses to send it.
#pragma once

#include <netlink/msg.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace bayplan::kernel {

class Message {
 public:
  // Type and flags of rtnetlink(7): RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, …
  Message(int type, int flags);

  // The family's fixed header, ifinfomsg and the like; goes first.
  template <typename Header>
  Message& header(const Header& value) {
    return append(&value, sizeof value);
  }
  Message& put(int attribute, std::span<const std::uint8_t> bytes);
  Message& put(int attribute, std::string_view text);  // with the closing zero byte that the kernel expects
  Message& put_u8(int attribute, std::uint8_t value);
  Message& put_u16(int attribute, std::uint16_t value);
  Message& put_u32(int attribute, std::uint32_t value);
  // `fill(*this)` puts the attributes (and, of VETH_INFO_PEER, the header) inside.
  template <typename Fill>
  Message& nest(int attribute, Fill&& fill) {
    nlattr* start = open(attribute);
    fill(*this);
    return close(start);
  }

  [[nodiscard]] bool complete() const { return message_ && !overflowed_; }
  [[nodiscard]] nl_msg* get() const { return message_.get(); }

 private:
  struct Free {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
  };
  Message& append(const void* data, std::size_t size);
  nlattr* open(int attribute);
  Message& close(nlattr* start);
  void note(int result) { overflowed_ = overflowed_ || result < 0; }

  std::unique_ptr<nl_msg, Free> message_;
  bool overflowed_ = false;
};

// The kernel's error number in an error message, or in the last one of a dump that failed; 0 in any other.
int error_number(const nlmsghdr* message);

}  // namespace bayplan::kernel
