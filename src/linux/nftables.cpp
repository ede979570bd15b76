#include "linux/nftables.hpp"

#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/unique_fd.hpp"

namespace bayplan::kernel {
namespace {

// libnftables says why only in words.
Error from_words(std::string words) {
  const auto says = [&](std::string_view part) { return words.find(part) != std::string::npos; };
  ErrorCode code = ErrorCode::kernel;
  if (says("Operation not permitted")) code = ErrorCode::denied;
  if (says("No such file or directory")) code = ErrorCode::not_found;
  // The rest of it quotes the command with a marker under the place.
  if (code != ErrorCode::kernel) words.resize(std::min(words.find('\n'), words.size()));
  while (!words.empty() && words.back() == '\n') words.pop_back();
  return fail(code, "nftables: {}", words);
}

// libnftables ends the process when it can't open this socket; so it is tried before.
Result<> probe() {
  const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (socket) return {};
  return fail_errno(ErrorCode::unsupported, "this kernel has no nftables", errno);
}

}  // namespace

void Nftables::Free::operator()(nft_ctx* context) const {
  nft_ctx_free(context);
}

Result<Nftables> Nftables::open() {
  TRY(probe());
  Nftables opened(nft_ctx_new(NFT_CTX_DEFAULT));
  nft_ctx* context = opened.context_.get();
  if (context == nullptr || nft_ctx_buffer_output(context) != 0 || nft_ctx_buffer_error(context) != 0) {
    return fail(ErrorCode::kernel, "open nftables: out of memory");
  }
  nft_ctx_output_set_flags(context, NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_NUMERIC_ALL);
  return opened;
}

Result<std::string> Nftables::execute(const std::string& commands) {
  const int status = nft_run_cmd_from_buffer(context_.get(), commands.c_str());
  std::string output = nft_ctx_get_output_buffer(context_.get());
  std::string words = nft_ctx_get_error_buffer(context_.get());
  if (status != 0) return from_words(std::move(words));
  return output;
}

Result<> Nftables::apply(const std::string& commands) {
  TRY(execute(commands));
  return {};
}

Result<std::optional<std::string>> Nftables::list_table(const std::string& family, const std::string& name) {
  auto listing = execute(fmt::format("list table {} {}", family, name));
  if (listing.ok()) return std::optional(std::move(listing).value());
  if (listing.error().code == ErrorCode::not_found) return std::optional<std::string>{};
  return std::move(listing).error().in("list the packet filter's rules");
}

}  // namespace bayplan::kernel
