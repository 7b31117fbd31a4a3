// The enrolment of a host node: its key in the state folder until it has credentials, and those after it.
#pragma once
#include "enrolment.hpp"
#include "hal/storage.hpp"
#include "hal_host/credentials.hpp"
#include "hal_host/options.hpp"

namespace cx::host {

// Takes what --claim or --batch-key gave into the state folder, with the sequence numbers of the key that it makes. The key of
// a batch isn't kept, only the one of this node. False: `fault`.
bool importEnrolment(Files& files, const Options& options, std::string_view hardware, char (&fault)[optionFaultMax]);
// notFound: it isn't enrolling.
Code loadEnrolment(Files& files, OscoreCredentials& out, char (&fault)[optionFaultMax]);
// ok also where there was none: its bytes are overwritten, then it goes.
Code eraseEnrolment(Files& files);

class HostCredentialKeeper final : public CredentialKeeper {
 public:
  // `id`: what the node was told to be; empty: whatever the manager says.
  HostCredentialKeeper(Files& files, hal::Storage& numbers, std::string_view id, hal::LogSink& log) : files_(files), numbers_(numbers), id_(id), log_(log) {}
  Status keep(const EnrolledCredentials& credentials) override;

 private:
  Files& files_;
  hal::Storage& numbers_;
  std::string_view id_;
  hal::LogSink& log_;
};

constexpr char enrolmentFile[] = "enrolment";

}  // namespace cx::host
