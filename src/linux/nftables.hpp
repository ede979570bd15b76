// The kernel's packet filter through libnftables: text in, text out.
//
// Belongs to the network namespace of the thread that opened it. One owner, not thread-safe. A command is one
// transaction: all of it holds from one packet to the next, or nothing does. Cost: about a millisecond a command.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"

struct nft_ctx;

namespace bayplan::kernel {

class Nftables {
 public:
  // `unsupported` when the kernel has no nfnetlink.
  static Result<Nftables> open();

  // Commands as nft(8) reads them. `denied`, `not_found`, or `kernel` with what libnftables says.
  Result<> apply(const std::string& commands);

  // A table as nft(8) prints it, without handles and counters; nothing when there is none. The same table is always
  // printed the same by the same version of libnftables.
  Result<std::optional<std::string>> list_table(const std::string& family, const std::string& name);

 private:
  struct Free {
    void operator()(nft_ctx* context) const;
  };
  explicit Nftables(nft_ctx* context) : context_(context) {}
  Result<std::string> execute(const std::string& commands);

  std::unique_ptr<nft_ctx, Free> context_;
};

}  // namespace bayplan::kernel
