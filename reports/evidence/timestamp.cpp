#include "reports/evidence/timestamp.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>

#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& found, const std::string& expected) {
  ERR_clear_error();
  throw Error(Exit::evidence, fmt::format("{}: {}; expected {}", name, found, expected));
}

std::string last_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason == nullptr ? "refused by OpenSSL" : printable(reason);
}

X509_STORE* store_of(const std::string& pem, const std::string& name) {
  std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(), X509_STORE_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  int certificates = 0;
  for (;;) {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), X509_free);
    if (!certificate) break;
    if (X509_STORE_add_cert(store.get(), certificate.get()) == 1) ++certificates;
  }
  if (certificates == 0) refuse(name, "no certificate of the authority", "at least one as PEM");
  return store.release();
}

std::string time_of(const TS_RESP* response, const std::string& name) {
  std::tm time{};
  TS_TST_INFO* info = TS_RESP_get_tst_info(const_cast<TS_RESP*>(response));
  if (info == nullptr || ASN1_TIME_to_tm(TS_TST_INFO_get_time(info), &time) != 1)
    refuse(name, "a response without a time", "one that was granted");
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", time.tm_year + 1900, time.tm_mon + 1,
                     time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec);
}

}  // namespace

std::string timestamp_of(const std::string& response, const std::string& bytes,
                         const std::optional<std::string>& authority, const std::string& name) {
  const auto* begin = reinterpret_cast<const unsigned char*>(response.data());
  const unsigned char* at = begin;
  const std::unique_ptr<TS_RESP, decltype(&TS_RESP_free)> parsed(
      d2i_TS_RESP(nullptr, &at, static_cast<long>(response.size())), TS_RESP_free);
  if (!parsed || at != begin + response.size())
    refuse(name, "no time-stamp response", "one of RFC 3161, in DER");
  const std::string time = time_of(parsed.get(), name);

  const std::unique_ptr<TS_VERIFY_CTX, decltype(&TS_VERIFY_CTX_free)> context(TS_VERIFY_CTX_new(),
                                                                              TS_VERIFY_CTX_free);
  int flags = TS_VFY_VERSION | TS_VFY_DATA;
  if (authority) {
    flags |= TS_VFY_SIGNATURE;
    TS_VERIFY_CTX_set_store(context.get(), store_of(*authority, name));  // which is the context's now
  }
  TS_VERIFY_CTX_add_flags(context.get(), flags);
  TS_VERIFY_CTX_set_data(context.get(), BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  if (TS_RESP_verify_response(context.get(), parsed.get()) != 1)
    refuse(name, "a time stamp that does not verify: " + last_reason(),
           authority ? "one of this authority about this signature" : "one about this signature");
  ERR_clear_error();
  return time;
}

}  // namespace ra
