// An image as a file: what is in it, whether it can be one at all, and the same image under another version.
#pragma once
#include <cstdint>

#include "hal/image_slots.hpp"
#include "hal_host/image_descriptor.hpp"

namespace cx::host {

enum class ImageFault : uint8_t {
  none,
  unreadable,    // errno says why
  tooLarge,      // over imageFileMax
  notProgram,    // no program for this machine
  noDescriptor,  // a program, but none of ours
  ambiguous,     // more than one descriptor
  badText,       // version or model is not 1..31 printable characters
  unwritable,    // errno says why
};
const char* explain(ImageFault fault);

constexpr uint32_t imageFileMax = 64u << 20;  // bytes

struct ImageFacts {
  hal::ImageIdentity identity;
  uint32_t descriptorOffset = 0;
  ImageDescriptor descriptor = {};
};

ImageFault inspectImage(const char* path, ImageFacts& facts);
// The image at `path` with another version (and model, unless null), written to `out` in one step.
ImageFault stampImage(const char* path, const char* version, const char* model, const char* out, ImageFacts& facts);
// 1..31 characters of [A-Za-z0-9._+-].
bool isImageText(const char* text);
// "sha256:" and 64 hex digits: 72 bytes with the final zero.
constexpr uint32_t digestTextSize = 72;
void writeDigest(const uint8_t* digest, char (&out)[digestTextSize]);

}  // namespace cx::host
