// The version of supervisor and image of one build. An image may be stamped with another afterwards.
#pragma once

#define CX_FIRMWARE_VERSION "1.0.0"
// Of the line Alfaspark: what a pack prints at boot and sends are its first two numbers.
#define CX_PACK_VERSION "2.5.0"
