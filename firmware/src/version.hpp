// The version of supervisor and image of one build. An image may be stamped with another afterwards.
#pragma once

#define CX_FIRMWARE_VERSION "1.0.0"
