// The keys of a host node: a JSON file from whoever made them, of which the state folder keeps a copy. docs/reference/node.md
// says what stands in it. Nothing here ever writes a value of it into a text.
#pragma once
#include "hal/storage.hpp"
#include "hal_host/files.hpp"
#include "hal_host/options.hpp"
#include "oscore.hpp"
#include "span.hpp"
#include "trust_anchor.hpp"

namespace cx::host {

constexpr uint32_t credentialsMax = 8192;  // bytes of the file
constexpr uint32_t pemMax = 4096;          // bytes of one PEM text
constexpr uint32_t pskMin = 16, pskMax = 32, pskIdentityMax = 63;

constexpr char credentialsFile[] = "credentials";
constexpr char numbersFile[] = "numbers";

struct DtlsCredentials {
  FixedText<pskIdentityMax> identity;
  FixedBytes<pskMax> key;
  FixedText<pemMax> certificate;  // with its chain
  FixedText<pemMax> privateKey;
  FixedText<pemMax> ca;

  bool hasPsk() const { return !key.empty(); }
  bool hasCertificate() const { return !certificate.empty(); }
  bool isSet() const { return hasPsk() || hasCertificate(); }
};

struct Credentials {
  FixedText<nodeIdMax> id;  // empty: left to the flags
  bool hasOscore = false;
  OscoreCredentials oscore;
  DtlsCredentials dtls;
  FixedText<pemMax> ca;  // of the manager's TLS; empty: that of `dtls`, if there is one

  TrustAnchors anchors;  // whose updates the node takes; none: left to the flags
  FixedText<vendorMax> vendor;  // of its images; empty: likewise

  std::string_view tlsCa() const { return ca.empty() ? dtls.ca.view() : ca.view(); }
};

// False: `fault` says which member, and what would be right.
bool parseCredentials(ByteSpan json, Credentials& out, char (&fault)[optionFaultMax]);

// The file that an operator named: owned by this user or root, and nobody else may read it. Returns its size, or -1 and `fault`.
int readCredentialsFile(const char* path, MutableSpan out, char (&fault)[optionFaultMax]);

// Takes a checked file into the state folder, with the numbers that belong to its keys. Over power loss the folder holds
// the old ones or the new ones with their numbers. False: `fault`.
bool importCredentials(Files& files, ByteSpan json, const Credentials& credentials, char (&fault)[optionFaultMax]);
// The same with the storage of numbers that is open already.
bool storeCredentials(Files& files, hal::Storage& numbers, ByteSpan json, const Credentials& credentials, char (&fault)[optionFaultMax],
                      const char* name = credentialsFile);
// notFound: the node has none.
Code loadCredentials(Files& files, Credentials& out, char (&fault)[optionFaultMax], const char* name = credentialsFile);

}  // namespace cx::host
