// Why an update manifest, or what it leads to, is refused: of the reasons of an attempt those of docs/reference/update-manifest.md.
#pragma once

#include "attempt_reason.hpp"

namespace cx {

using ManifestReason = AttemptReason;

inline const char* manifestReasonWord(ManifestReason reason) { return attemptReasonWord(reason); }

}  // namespace cx
