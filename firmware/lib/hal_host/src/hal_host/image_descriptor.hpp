// Who an image is, inside the image: a struct in a section of its own, so that a stamp can change it in a finished build
// (as ESP-IDF's esp_app_desc). An image program names itself once, at file scope:
//
//   CX_IMAGE("1.0.0", "cxnode")
#pragma once
#include <cstdint>

namespace cx::host {

constexpr uint32_t imageTextMax = 31;  // bytes of version and model, without the final zero

struct ImageDescriptor {
  char magic[16];
  uint32_t layout;  // 1
  uint32_t size;    // of this struct
  char version[imageTextMax + 1];
  char model[imageTextMax + 1];
  char build[64];  // compiler and target, for people
  uint8_t reserved[104];
};
static_assert(sizeof(ImageDescriptor) == 256, "tools look for exactly this");

// The running image's own; defined by CX_IMAGE. Volatile: the bytes in the file may differ from what was compiled.
extern const volatile ImageDescriptor imageDescriptor;

// Copies a text of the own descriptor out.
void ownText(const volatile char (&text)[imageTextMax + 1], char (&out)[imageTextMax + 1]);

}  // namespace cx::host

// The magic stands here and nowhere else in whole: whoever looks for it puts it together at run time.
#define CX_IMAGE(version, model)                                                                            \
  namespace cx::host {                                                                                      \
  const volatile ImageDescriptor imageDescriptor __attribute__((section(".cx_image"), used, aligned(16))) = { \
      {'C', 'o', 'x', 's', 'w', 'a', 'i', 'n', 'I', 'm', 'a', 'g', 'e', '\x1a', '\r', '\n'},               \
      1, sizeof(ImageDescriptor), version, model, "g++ " __VERSION__, {}};                                  \
  }
