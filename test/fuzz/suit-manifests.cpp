// Reads update manifests with the firmware's reader, over cases from stdin, and says what came of each: one line of text.
//
//   case    kind (0 envelope, 1 content of a manifest, 2 key set) | size u32 | bytes
//   answer  the reason, or "ok" and what was read
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "suit_manifest.hpp"

namespace {

bool readAll(void* out, size_t size) { return std::fread(out, 1, size, stdin) == size; }

const char* wordOf(cx::ManifestReason reason) { return reason == cx::ManifestReason::none ? "ok" : cx::manifestReasonWord(reason); }

void envelope(cx::ByteSpan bytes) {
  cx::SuitEnvelope out;
  const cx::ManifestReason reason = cx::readEnvelope(bytes, out);
  std::printf("%s", wordOf(reason));
  if (reason == cx::ManifestReason::none) {
    std::printf(" %u %zu %d %d", out.signatureCount, out.manifest.size(), out.hasText ? 1 : 0, out.hasAnchors ? 1 : 0);
  }
}

void manifest(cx::ByteSpan bytes) {
  cx::SuitEnvelope around;
  cx::UpdateManifest out;
  cx::TrustAnchors anchors;
  around.manifest = bytes;
  cx::ManifestReason reason = cx::readManifest(around, out, anchors);
  // What belongs to the envelope alone: here there is none, so no anchors come with it.
  const bool isShaped = reason == cx::ManifestReason::none ||
                        (reason == cx::ManifestReason::manifestMalformed && out.kind == cx::ManifestKind::anchors && out.digest != nullptr);
  if (!isShaped) {
    std::printf("%s", wordOf(reason));
    return;
  }
  if (out.kind == cx::ManifestKind::anchors) {
    std::printf("anchors");
    return;
  }
  std::printf("ok %s %u %u", out.kind == cx::ManifestKind::install ? "install" : "boot-previous", out.sequence, out.size);
  for (uint32_t i = 0; i < out.variantCount; ++i) {
    const cx::PayloadVariant variant = cx::variantOf(out, i);
    std::printf(" %u:%u:%zu", static_cast<unsigned>(variant.kind), variant.size, variant.encryptionInfo.size());
  }
}

void keySet(cx::ByteSpan bytes) {
  cx::TrustAnchors out;
  const cx::ManifestReason reason = cx::readKeySet(bytes, out);
  std::printf("%s", wordOf(reason));
  if (reason == cx::ManifestReason::none) std::printf(" %u", out.count);
}

}  // namespace

int main() {
  uint8_t head[5];
  while (readAll(head, sizeof head)) {
    const uint32_t size = static_cast<uint32_t>(head[1]) << 24U | static_cast<uint32_t>(head[2]) << 16U | static_cast<uint32_t>(head[3]) << 8U | head[4];
    // Exactly as large as it is, so that a read behind it is seen.
    std::vector<uint8_t> bytes(size);
    if (size > 0 && !readAll(bytes.data(), size)) return 2;
    const cx::ByteSpan span(bytes.data(), bytes.size());
    if (head[0] == 0) envelope(span);
    if (head[0] == 1) manifest(span);
    if (head[0] == 2) keySet(span);
    std::putchar('\n');
  }
  return 0;
}
