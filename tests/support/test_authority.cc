#include "test_authority.hh"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdexcept>

namespace qt::support {

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

void check(bool right) {
  if (!right) {
    throw std::runtime_error("making certificates for a test failed");
  }
}

Key make_key() {
  Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  check(key != nullptr);
  return key;
}

void set_name(X509_NAME* name, const char* text) {
  check(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(text), -1, -1, 0) == 1);
}

void extend(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  check(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

// Without an issuer the certificate is its own.
Certificate make_certificate(const char* name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key) {
  Certificate made(X509_new(), X509_free);
  X509* const it = made.get();
  X509_set_version(it, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(it), issuer == nullptr ? 1 : 2);
  X509_gmtime_adj(X509_getm_notBefore(it), -3600);
  X509_gmtime_adj(X509_getm_notAfter(it), 3600);
  X509_set_pubkey(it, key);
  set_name(X509_get_subject_name(it), name);
  X509* const signer = issuer == nullptr ? it : issuer;
  X509_set_issuer_name(it, X509_get_subject_name(signer));
  if (issuer == nullptr) {
    extend(it, it, NID_basic_constraints, "critical,CA:TRUE");
    extend(it, it, NID_subject_key_identifier, "hash");
  } else {
    extend(it, issuer, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
  }
  check(X509_sign(it, issuer_key, EVP_sha256()) > 0);
  return made;
}

std::string as_pem(X509* certificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
  check(PEM_write_bio_X509(memory.get(), certificate) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

} // namespace

TestAuthority::TestAuthority()
  : m_server(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
  const Key root_key = make_key();
  const Certificate root = make_certificate("Test CA", root_key.get(), nullptr, root_key.get());
  const Key key = make_key();
  const Certificate leaf = make_certificate("127.0.0.1", key.get(), root.get(), root_key.get());
  check(m_server != nullptr && SSL_CTX_use_certificate(m_server.get(), leaf.get()) == 1 &&
        SSL_CTX_use_PrivateKey(m_server.get(), key.get()) == 1);
  m_certificate = as_pem(root.get());
}

} // namespace qt::support
